import { X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { type Connection, DIRECTIONS, type Direction, type VisibleCertificate } from '../model.ts'

/** Certificates that stand in a flow for everybody to read, in PEM or DER, whatever carries them. */

export const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'
/** Larger ones are none (SPEC §4.3 allows 3,072 bytes). */
const MAX_DER = 16 * 1024
const MAX_PEM = 2 * MAX_DER
/** A SEQUENCE with a length of two bytes, as that in it: certificate and what is signed. */
const SEQUENCE = Buffer.from('3082', 'hex')
const HEADER_BYTES = 4
const VERSION = 0xa0
const INTEGER = 0x02
/** Of one flow, with what only begins like one. */
const MAX_CANDIDATES = 20_000

/** Parts of a flow, one behind the other: what a protocol has cut, and reads as one. */
export type Pieces = readonly { readonly at: number; readonly length: number }[]

/**
 * @param piecesOf where to look in a flow: all of it, if that is not said
 * @throws SftError ERR_SFT_LIMIT for too many: none may be passed over.
 */
export function certificatesOf(
  connection: Connection,
  piecesOf: (direction: Direction) => Pieces = direction => [{ at: 0, length: connection[direction].bytes.byteLength }]
): VisibleCertificate[] {
  return DIRECTIONS.flatMap(direction => certificatesIn(connection, direction, piecesOf(direction)))
}

function certificatesIn(connection: Connection, direction: Direction, pieces: Pieces): VisibleCertificate[] {
  const { bytes, packetAt } = connection[direction]
  const data = joined(bytes, pieces)
  let left = MAX_CANDIDATES
  const mayTry = (): boolean => {
    if (left-- > 0) return true
    throw new SftError('ERR_SFT_LIMIT', `a connection with more than ${MAX_CANDIDATES} certificates`)
  }
  return shownIn(data, mayTry).map(({ at, ...names }) => {
    const packet = packetAt(offsetOf(pieces, at))
    return { direction, packet, ...names }
  })
}

/** A certificate, and where it begins. */
interface Shown extends Omit<VisibleCertificate, 'direction' | 'packet'> {
  readonly at: number
}

/** Certificates in bytes, in order. @param mayTry whether one more of what begins like one may be looked at: each costs time */
export function shownIn(data: Buffer, mayTry: () => boolean): Shown[] {
  const found: Shown[] = []
  for (const scan of [pems(data), ders(data)])
    for (const { at, encoded } of scan) {
      const certificate = mayTry() ? parse(encoded) : undefined
      if (certificate === undefined) continue
      const { subject, issuer, serialNumber: serial } = certificate
      found.push({ at, subject: oneLine(subject), issuer: oneLine(issuer), serial })
    }
  return found.sort((a, b) => a.at - b.at)
}

/** One piece is looked at where it is. */
function joined(bytes: Uint8Array, pieces: Pieces): Buffer {
  const views = pieces.map(({ at, length }) => Buffer.from(bytes.buffer, bytes.byteOffset + at, length))
  return views.length === 1 ? (views[0] as Buffer) : Buffer.concat(views)
}

/** Where in the flow a byte of the joined pieces is. */
function offsetOf(pieces: Pieces, at: number): number {
  let before = 0
  for (const piece of pieces) {
    if (at < before + piece.length) return piece.at + at - before
    before += piece.length
  }
  return before
}

interface Candidate {
  readonly at: number
  readonly encoded: Buffer
}

/** Also in JSON, where a line ends with the two characters `\n`. Each end is looked at once, so that time is that of the bytes. */
function* pems(data: Buffer): Generator<Candidate> {
  let before = 0
  for (let end = data.indexOf(END); end >= 0; end = data.indexOf(END, before)) {
    const from = Math.max(before, end - MAX_PEM)
    const at = from + data.subarray(from, end).lastIndexOf(BEGIN)
    before = end + END.length
    if (at < from) continue
    const text = data.toString('latin1', at + BEGIN.length, end).replace(/\\[nr]/g, '')
    yield { at, encoded: Buffer.from(text, 'base64') }
  }
}

/** What begins as RFC 5280 §4.1 says: a sequence in a sequence, then a version or a serial number. */
function* ders(data: Buffer): Generator<Candidate> {
  for (let at = data.indexOf(SEQUENCE); at >= 0; at = data.indexOf(SEQUENCE, at + 1)) {
    const inner = at + HEADER_BYTES
    if (inner + HEADER_BYTES >= data.byteLength || data.readUInt16BE(inner) !== SEQUENCE.readUInt16BE(0)) continue
    const [length, signed] = [HEADER_BYTES + data.readUInt16BE(at + 2), HEADER_BYTES + data.readUInt16BE(inner + 2)]
    const first = data[inner + HEADER_BYTES]
    if ((first !== VERSION && first !== INTEGER) || HEADER_BYTES + signed >= length || length > MAX_DER) continue
    if (at + length <= data.byteLength) yield { at, encoded: data.subarray(at, at + length) }
  }
}

function parse(encoded: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(encoded)
  } catch {
    // bytes that only begin like one
    return undefined
  }
}

function oneLine(name: string | undefined): string {
  return (name ?? '').replaceAll('\n', ', ')
}
