import { X509Certificate } from 'node:crypto'
import type { Connection, Direction, VisibleCertificate } from '../model.ts'

/** Certificates that stand in a flow for everybody to read, in PEM or DER, whatever carries them. */

const BEGIN = '-----BEGIN CERTIFICATE-----'
const END = '-----END CERTIFICATE-----'
/** Larger ones are none (SPEC §4.3 allows 3,072 bytes). */
const MAX_DER = 16 * 1024
const MAX_PEM = 2 * MAX_DER
/** A SEQUENCE with a length of two bytes, as that in it: certificate and what is signed. */
const SEQUENCE = Buffer.from('3082', 'hex')
const HEADER_BYTES = 4
/** Of one flow: a report of more is no clearer. */
const MAX_CERTIFICATES = 1000

/** Parts of a flow, one behind the other: what a protocol has cut, and reads as one. */
export type Pieces = readonly { readonly at: number; readonly length: number }[]

/** @param piecesOf where to look in a flow: all of it, if that is not said */
export function certificatesOf(
  connection: Connection,
  piecesOf: (direction: Direction) => Pieces = direction => [{ at: 0, length: connection[direction].bytes.byteLength }]
): VisibleCertificate[] {
  return (['up', 'down'] as const).flatMap(direction => certificatesIn(connection, direction, piecesOf(direction)))
}

function certificatesIn(connection: Connection, direction: Direction, pieces: Pieces): VisibleCertificate[] {
  const { bytes, packetAt } = connection[direction]
  const data = joined(bytes, pieces)
  const found: VisibleCertificate[] = []
  for (const { at, encoded } of [...pems(data), ...ders(data)].sort((a, b) => a.at - b.at)) {
    const certificate = parse(encoded)
    if (certificate === undefined || found.length === MAX_CERTIFICATES) continue
    const { subject, issuer, serialNumber: serial } = certificate
    const packet = packetAt(offsetOf(pieces, at))
    found.push({ direction, packet, subject: oneLine(subject), issuer: oneLine(issuer), serial })
  }
  return found
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

/** Also in JSON, where a line ends with the two characters `\n`. */
function* pems(data: Buffer): Generator<Candidate> {
  for (let at = data.indexOf(BEGIN); at >= 0; at = data.indexOf(BEGIN, at + 1)) {
    const start = at + BEGIN.length
    const length = data.subarray(start, start + MAX_PEM).indexOf(END)
    if (length < 0) continue
    const text = data.toString('latin1', start, start + length).replace(/\\[nr]/g, '')
    yield { at, encoded: Buffer.from(text, 'base64') }
  }
}

function* ders(data: Buffer): Generator<Candidate> {
  for (let at = data.indexOf(SEQUENCE); at >= 0; at = data.indexOf(SEQUENCE, at + 1)) {
    const inner = at + HEADER_BYTES
    if (inner + HEADER_BYTES > data.byteLength || !data.subarray(inner, inner + 2).equals(SEQUENCE)) continue
    const length = HEADER_BYTES + data.readUInt16BE(at + 2)
    if (length <= MAX_DER && at + length <= data.byteLength) yield { at, encoded: data.subarray(at, at + length) }
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
