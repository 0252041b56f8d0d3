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
const CLIENT_HELLO = 1
const SERVER_HELLO = 2
const RANDOM_BYTES = 32
/** Where the random number of a hello ends. */
const RANDOM_END = 2 + RANDOM_BYTES
const KEY_SHARE = 51
const HEADER_BYTES = 4
const SUPPORTED_VERSIONS = 43
const EARLY_DATA_INDICATION = 42
/** The random of a ServerHello that asks for another ClientHello (RFC 8446 §4.1.3). */
const RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex')
const TLS_1_3 = 0x0304
const EXPLICIT_NONCE_BYTES = 8

/** What the detail of a hello ends with. */
export const EARLY_DATA = 'early data offered'
export const NO_KEY_SHARE = 'no key share'
export const ANOTHER_HELLO = 'asks for another ClientHello'

/** Suites of 1.2 whose records begin with a nonce (RFC 5288, RFC 5289, RFC 6655, RFC 7251): GCM and CCM. */
const WITH_NONCE: readonly (readonly [number, number])[] = [
  [0x009c, 0x00a7],
  [0xc02b, 0xc032],
  [0xc09c, 0xc0af]
]

/** A message that is not there whole yet. */
interface Pending {
  readonly pieces: Uint8Array[]
  size: number
  needed: number
}

/** Follows the handshake messages of both sides, over any records; memory is one message of each. */
export class Hellos {
  /** Bytes in front of the ciphertext of each record. */
  nonceBytes = 0
  /** Version that the server has chosen. */
  isNewest = false
  readonly #pending: Record<Direction, Pending> = { up: nothing(), down: nothing() }

  /** Takes the body of a record: which messages begin in it, and what is to be said of them. */
  see(direction: Direction, body: Uint8Array): { label: string; detail: string } {
    const names: string[] = []
    let detail = ''
    let rest = body
    while (rest.byteLength > 0) {
      const pending = this.#pending[direction]
      if (pending.size === 0) names.push(MESSAGES[rest[0] as number] ?? `message ${rest[0]}`)
      rest = take(pending, rest)
      const message = pending.size < pending.needed ? undefined : whole(pending)
      if (message === undefined) continue
      if (message[0] === CLIENT_HELLO) detail = clientHello(message.subarray(HEADER_BYTES))
      if (message[0] === SERVER_HELLO) detail = this.#serverHello(message.subarray(HEADER_BYTES))
      this.#pending[direction] = nothing()
    }
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
    this.isNewest = isNewest
    this.nonceBytes = !isNewest && nonce ? EXPLICIT_NONCE_BYTES : 0
    const version = isNewest ? '1.3' : versionOf(body.readUInt16BE(0))
    return `TLS ${version}, suite 0x${suite.toString(16).padStart(4, '0')}${isNewest ? moreOf(body, at + 3) : ''}`
  }
}

function moreOf(serverHello: Buffer, extensions: number): string {
  if (serverHello.subarray(2, RANDOM_END).equals(RETRY_RANDOM)) return `, ${ANOTHER_HELLO}`
  return extensionOf(serverHello, extensions, KEY_SHARE) ? '' : `, ${NO_KEY_SHARE}`
}

function clientHello(body: Buffer): string {
  const at = extensionsAt(body, true)
  return at !== undefined && extensionOf(body, at, EARLY_DATA_INDICATION) ? EARLY_DATA : ''
}

function nothing(): Pending {
  return { pieces: [], size: 0, needed: HEADER_BYTES }
}

/** Takes what is needed; gives what is left. */
function take(pending: Pending, bytes: Uint8Array): Uint8Array {
  const taken = bytes.subarray(0, pending.needed - pending.size)
  pending.pieces.push(taken)
  pending.size += taken.byteLength
  return bytes.subarray(taken.byteLength)
}

/** The message, if its length is known and all of it is there. */
function whole(pending: Pending): Buffer | undefined {
  const message = Buffer.concat(pending.pieces)
  pending.needed = HEADER_BYTES + message.readUIntBE(1, 3)
  return message.byteLength === pending.needed ? message : undefined
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

/** What of the hellos in handshake messages, one behind the other, is new in every connection: random numbers and the key shares of 1.3. */
export function* freshInHellos(messages: Buffer): Generator<{ readonly name: string; readonly bytes: Uint8Array }> {
  for (let at = 0; at + HEADER_BYTES <= messages.byteLength; ) {
    const end = at + HEADER_BYTES + messages.readUIntBE(at + 1, 3)
    const body = messages.subarray(at + HEADER_BYTES, end)
    const isHello = messages[at] === CLIENT_HELLO || messages[at] === SERVER_HELLO
    if (isHello && end <= messages.byteLength && body.byteLength > RANDOM_END)
      yield* freshInHello(body, messages[at] === CLIENT_HELLO)
    at = end
  }
}

function* freshInHello(body: Buffer, isClient: boolean) {
  const random = body.subarray(2, RANDOM_END)
  if (!random.equals(RETRY_RANDOM)) yield { name: 'random number', bytes: random }
  const extensions = extensionsAt(body, isClient)
  const shares = extensions === undefined ? undefined : extensionOf(body, extensions, KEY_SHARE)
  for (let at = isClient ? 2 : 0; shares && at + 4 <= shares.byteLength; ) {
    const end = at + 4 + shares.readUInt16BE(at + 2)
    if (end > shares.byteLength) return
    yield { name: 'key share', bytes: shares.subarray(at + 4, end) }
    at = end
  }
}

/** Behind session id, suites and compression, each a list of a client and one of a server. */
function extensionsAt(body: Buffer, isClient: boolean): number | undefined {
  const suites = RANDOM_END + 1 + (body[RANDOM_END] ?? 0)
  if (!isClient) return suites + 3
  if (suites + 2 > body.byteLength) return undefined
  const compression = suites + 2 + body.readUInt16BE(suites)
  return compression < body.byteLength ? compression + 1 + (body[compression] as number) : undefined
}
