import { X509Certificate } from 'node:crypto'
import { CLASSIC_TYPES, type ClassicType, MAX_CLASSIC_PAYLOAD } from '../../auth/classic/wire.ts'
import { type Connection, DIRECTIONS, type Direction } from '../model.ts'
import { inOrder, type Message, type Parts } from './parts.ts'

/** A transfer of the classic system (SPEC §14.2): of its code only the names of its messages are loaded. */

const HEADER_BYTES = 8

interface Header {
  readonly type: ClassicType
  readonly length: number
}
type ClassicMessage = Message<Header>
const WORDS = { kind: 'classic message', of: ({ type }: Header) => `classic message ${type}` }

/** What may follow, by who sends it: the one who dialled is the requester. */
const NEXT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  start: { 'up SECE': 'certificate shown' },
  'certificate shown': { 'down RSCV': 'accepted', 'down RSCI': 'refused' },
  accepted: { 'up RQFL': 'asked' },
  asked: { 'down RSFL': 'asked' },
  refused: {}
}
/** RSA blocks: the name of a file, and its bytes. */
const SEALED: ReadonlySet<ClassicType> = new Set<ClassicType>(['RQFL', 'RSFL'])

export function isClassic({ up }: Connection): boolean {
  return headerAt(up.bytes, 0)?.type === 'SECE'
}

export function dissectClassic(parts: Parts): void {
  const found = DIRECTIONS.flatMap(direction => parts.split(direction, WORDS, headerAt))
  const messages = inOrder(parts.connection, found)
  let state = 'start'
  for (const { direction, type, at, length } of messages) {
    const next = NEXT[state]?.[`${direction} ${type}`]
    if (next === undefined) parts.fault(direction, at, `a classic message ${type} has no place in state ${state}`)
    const payload = length - HEADER_BYTES
    const sealed = SEALED.has(type) && payload > 0 ? { at: at + HEADER_BYTES, length: payload } : undefined
    const detail = `${payload} bytes${sealed || payload === 0 ? '' : ' in the clear'}, state: ${state}`
    parts.add({ direction, at, length, label: type, sealed, content: type === 'RSFL', detail })
    state = next ?? state
  }
  checkBlocks(parts, messages)
}

/** What one side sends is under the key that the other has shown, and has its length. */
function checkBlocks(parts: Parts, messages: readonly ClassicMessage[]): void {
  const modulus = { up: shownModulus(parts, messages, 'down'), down: shownModulus(parts, messages, 'up') }
  for (const { direction, type, at, length, isWhole } of messages.filter(({ type }) => SEALED.has(type))) {
    const [payload, block] = [length - HEADER_BYTES, modulus[direction]]
    if (isWhole && block !== undefined && block !== payload)
      parts.fault(direction, at, `a classic message ${type} with ${payload} bytes, where a block has ${block}`)
  }
}

function shownModulus(parts: Parts, messages: readonly ClassicMessage[], by: Direction): number | undefined {
  const shown = messages.find(({ direction, type }) => direction === by && (type === 'SECE' || type === 'RSCV'))
  return shown && modulusOf(parts.flow(by).bytes.subarray(shown.at + HEADER_BYTES, shown.at + shown.length))
}

/** Bytes of a block under the key of a certificate; `undefined` for what is none. */
function modulusOf(pem: Uint8Array): number | undefined {
  try {
    const bits = new X509Certificate(pem).publicKey.asymmetricKeyDetails?.modulusLength
    return bits === undefined ? undefined : Math.ceil(bits / 8)
  } catch {
    // bytes that stand where a certificate should: what follows can not be compared with it
    return undefined
  }
}

function headerAt(bytes: Uint8Array, at: number): Header | undefined {
  if (at + HEADER_BYTES > bytes.byteLength) return undefined
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES)
  const type = CLASSIC_TYPES.find(name => header.toString('latin1', 0, 4) === name)
  const payload = header.readUInt32BE(4)
  return type === undefined || payload > MAX_CLASSIC_PAYLOAD ? undefined : { type, length: HEADER_BYTES + payload }
}
