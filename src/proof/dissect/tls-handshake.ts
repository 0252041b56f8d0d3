import type { Direction } from '../model.ts'

/** What a handshake of TLS says before it is sealed. */

const MESSAGES: Readonly<Record<number, string>> = {
  0: 'HelloRequest',
  1: 'ClientHello',
  2: 'ServerHello',
  4: 'NewSessionTicket',
  11: 'Certificate',
  12: 'ServerKeyExchange',
  13: 'CertificateRequest',
  14: 'ServerHelloDone',
  15: 'CertificateVerify',
  16: 'ClientKeyExchange',
  20: 'Finished',
  22: 'CertificateStatus'
}
const SERVER_HELLO = 2
const HEADER_BYTES = 4
/** Longer than any chain. */
const MAX_MESSAGE = 128 * 1024
const SUPPORTED_VERSIONS = 43
const TLS_1_3 = 0x0304
const EXPLICIT_NONCE_BYTES = 8

/** Suites of 1.2 whose records begin with a nonce (RFC 5288, RFC 5289, RFC 6655, RFC 7251): GCM and CCM. */
const WITH_NONCE: readonly (readonly [number, number])[] = [
  [0x009c, 0x00a7],
  [0xc02b, 0xc032],
  [0xc09c, 0xc0af]
]

/** Follows the handshake messages of both sides, over any records. */
export class Hellos {
  /** Bytes in front of the ciphertext of each record. */
  nonceBytes = 0
  readonly #pending: Record<Direction, Buffer> = { up: Buffer.alloc(0), down: Buffer.alloc(0) }

  /** Takes the body of a record: which messages begin in it, and what is to be said of them. */
  see(direction: Direction, body: Uint8Array): { label: string; detail: string } {
    const names: string[] = []
    let detail = ''
    const before = this.#pending[direction].byteLength
    let pending = Buffer.concat([this.#pending[direction], body])
    for (let start = 0; pending.byteLength >= HEADER_BYTES; ) {
      const type = pending[0] as number
      const length = HEADER_BYTES + pending.readUIntBE(1, 3)
      if (start >= before) names.push(MESSAGES[type] ?? `message ${type}`)
      if (length > MAX_MESSAGE) return { label: names.join(', '), detail: 'a message that is too long' }
      if (pending.byteLength < length) break
      if (type === SERVER_HELLO) detail = this.#serverHello(pending.subarray(HEADER_BYTES, length))
      pending = pending.subarray(length)
      start += length
    }
    this.#pending[direction] = pending
    return { label: names.join(', ') || 'handshake', detail }
  }

  #serverHello(body: Buffer): string {
    const sessionId = body[34] ?? 0
    const at = 35 + sessionId
    if (at + 3 > body.byteLength) return 'a ServerHello that ends early'
    const suite = body.readUInt16BE(at)
    const chosen = extensionOf(body, at + 3, SUPPORTED_VERSIONS)
    const isNewest = chosen?.byteLength === 2 && chosen.readUInt16BE(0) === TLS_1_3
    const nonce = WITH_NONCE.some(([first, last]) => suite >= first && suite <= last)
    this.nonceBytes = !isNewest && nonce ? EXPLICIT_NONCE_BYTES : 0
    return `TLS ${isNewest ? '1.3' : versionOf(body.readUInt16BE(0))}, suite 0x${suite.toString(16).padStart(4, '0')}`
  }
}

function versionOf(version: number): string {
  return version >= 0x0301 && version <= 0x0303 ? `1.${version - 0x0301}` : `0x${version.toString(16)}`
}

function extensionOf(body: Buffer, from: number, wanted: number): Buffer | undefined {
  for (let at = from + 2; at + 4 <= body.byteLength; ) {
    const end = at + 4 + body.readUInt16BE(at + 2)
    if (end > body.byteLength) return undefined
    if (body.readUInt16BE(at) === wanted) return body.subarray(at + 4, end)
    at = end
  }
  return undefined
}
