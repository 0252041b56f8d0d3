import { type Connection, DIRECTIONS, type Direction, type Frame } from '../model.ts'
import { inOrder, type Message, type Parts } from './parts.ts'
import { Hellos } from './tls-handshake.ts'

/** TLS 1.2 and 1.3 (RFC 5246, RFC 8446), by the headers of its records. */

const HEADER_BYTES = 5
const CHANGE_CIPHER_SPEC = 20
const ALERT = 21
const HANDSHAKE = 22
const APPLICATION_DATA = 23
const NAMES: ReadonlyMap<number, string> = new Map([
  [CHANGE_CIPHER_SPEC, 'change cipher spec'],
  [ALERT, 'alert'],
  [HANDSHAKE, 'handshake'],
  [APPLICATION_DATA, 'application data']
])
/** 2^14 of plaintext and what a cipher of 1.2 may add. */
const MAX_RECORD = 2 ** 14 + 2048

interface Header {
  readonly type: number
  readonly length: number
}
type TlsRecord = Message<Header>
const WORDS = { kind: 'record of TLS', of: () => 'record of TLS' }

export function isTls({ up }: Connection): boolean {
  return headerAt(up.bytes, 0)?.type === HANDSHAKE && up.bytes[HEADER_BYTES] === 1
}

export function dissectTls(parts: Parts): void {
  const records = DIRECTIONS.flatMap(direction => parts.split(direction, WORDS, headerAt))
  const hellos = new Hellos()
  const sealing = { up: false, down: false }
  for (const record of inOrder(parts.connection, records)) {
    const { direction, type } = record
    const isChange = type === CHANGE_CIPHER_SPEC
    addRecord(parts, record, hellos, type === APPLICATION_DATA || (sealing[direction] && !isChange))
    // 1.3 sends one for those who look, and it changes nothing (RFC 8446 §D.4)
    if (isChange && !hellos.isNewest) sealing[direction] = true
  }
}

function addRecord(parts: Parts, record: TlsRecord, hellos: Hellos, isSealed: boolean): void {
  const { direction, type, at, length } = record
  const body = parts.flow(direction).bytes.subarray(at + HEADER_BYTES, at + length)
  const said = type === HANDSHAKE && !isSealed ? hellos.see(direction, body) : undefined
  const label = said?.label ?? (NAMES.get(type) as string)
  const detail = isSealed && type !== APPLICATION_DATA ? 'sealed' : (said?.detail ?? '')
  const sealed = isSealed ? sealedPart(record, hellos.nonceBytes) : undefined
  parts.add({ direction, at, length, label, sealed, content: false, detail })
}

/** What the handshake says in the clear, without the headers of records: a certificate may be in two of them. */
export function clearHandshake(frames: readonly Frame[], direction: Direction): { at: number; length: number }[] {
  return frames
    .filter(frame => frame.direction === direction && frame.sealed === undefined && frame.length > HEADER_BYTES)
    .map(({ at, length }) => ({ at: at + HEADER_BYTES, length: length - HEADER_BYTES }))
}

/** Messages of the handshake in the clear, one behind the other, as many as `most` bytes have. */
export function handshakeMessages(bytes: Uint8Array, frames: readonly Frame[], most: number): Buffer {
  const pieces: Uint8Array[] = []
  let size = 0
  for (const { at, length, sealed } of frames) {
    if (sealed !== undefined || bytes[at] !== HANDSHAKE) continue
    pieces.push(bytes.subarray(at + HEADER_BYTES, at + length))
    size += length
    if (size >= most) break
  }
  return Buffer.concat(pieces)
}

/** A cipher of 1.2 may have a nonce in front, which counts and is no ciphertext. */
function sealedPart({ at, length }: TlsRecord, nonce: number): { at: number; length: number } | undefined {
  const size = length - HEADER_BYTES - nonce
  return size > 0 ? { at: at + HEADER_BYTES + nonce, length: size } : undefined
}

function headerAt(bytes: Uint8Array, at: number): Header | undefined {
  if (at + HEADER_BYTES > bytes.byteLength) return undefined
  const [type = 0, major, minor = 0, high = 0, low = 0] = bytes.subarray(at, at + HEADER_BYTES)
  const length = high * 256 + low
  if (!NAMES.has(type) || major !== 3 || minor > 4 || length > MAX_RECORD) return undefined
  return { type, length: HEADER_BYTES + length }
}
