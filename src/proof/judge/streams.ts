import { SftError } from '../../streams/errors.ts'
import { parseHeader } from '../../streams/header.ts'
import type { Dissected, Frame } from '../model.ts'
import { type Side, sidesOf, sum } from './parts.ts'

/** The streams of files in sft's connections, as far as their chunks can be seen from outside (SPEC §7, §8.1). */

export interface Chunk {
  readonly side: Side
  readonly frame: Frame
  readonly index: number
  /** Where its ciphertext begins in the flow, and how long it is without the tag. */
  readonly at: number
  readonly length: number
}

export interface Stream {
  /** In the order of their indices, from whatever connections they came over. */
  readonly chunks: readonly Chunk[]
  /** One on each connection. */
  readonly ends: readonly Frame[]
  readonly sides: readonly Side[]
  /** Known of a pipe, whose header is in the clear. */
  readonly header: Header | undefined
  /** Whether its chunks are RSA blocks (§7.6). */
  readonly strict: boolean
}

export interface Header {
  readonly chunkSize: number
  readonly variable: boolean
  /** Bytes of the first recipient's modulus. */
  readonly modulus: number | undefined
}

/** What one side sent from `STRM`, or on a stripe from its first chunk, to `FINL`. */
interface Part {
  readonly side: Side
  readonly chunks: Chunk[]
  header: Header | undefined
  strict: boolean
  end: Frame | undefined
}

const TYPE_BYTES = 4
const INDEX_BYTES = 8
const TAG_BYTES = 16
const SUITE_STRICT = 3

export function streamsOf(all: readonly Dissected[]): Stream[] {
  const ours = all.filter(({ protocol }) => protocol === 'sft pipe' || protocol === 'sft session')
  const parts = sidesOf(ours).flatMap(partsOf)
  // the end is sealed once and the same on every connection
  const byEnd = Map.groupBy(parts, part => (part.end ? sealedText(part.side, part.end) : part))
  return [...byEnd.values()].map(together => ({
    chunks: together.flatMap(({ chunks }) => chunks).sort((a, b) => a.index - b.index),
    ends: together.flatMap(({ end }) => end ?? []),
    sides: together.map(({ side }) => side),
    header: together.find(({ header }) => header)?.header,
    strict: together.some(({ strict }) => strict)
  }))
}

function partsOf(side: Side): Part[] {
  const parts: Part[] = []
  let open: Part | undefined
  const begin = (): Part => {
    const part: Part = { side, chunks: [], header: undefined, strict: suiteOf(side) === SUITE_STRICT, end: undefined }
    parts.push(part)
    return part
  }
  for (const frame of side.frames) {
    if (frame.label === 'STRM') {
      open = begin()
      if (side.of.protocol === 'sft pipe') readHeader(open, frame)
    } else if (frame.label === 'RSFL') {
      open ??= begin()
      open.chunks.push(...chunkOf(side, frame))
    } else if (frame.label === 'FINL') {
      open ??= begin()
      open.end = frame
      open = undefined
    }
  }
  return parts
}

/** Where the body of a frame begins: behind its length and type. */
export function bodyAt({ flow }: Side, frame: Frame): number {
  let at = frame.at
  while (((flow.bytes[at] as number) & 0x80) !== 0) at++
  return at + 1 + TYPE_BYTES
}

/** None where the flow ends before its index does. */
function chunkOf(side: Side, frame: Frame): Chunk[] {
  const body = bodyAt(side, frame)
  if (body + INDEX_BYTES > side.flow.bytes.byteLength) return []
  const view = new DataView(side.flow.bytes.buffer, side.flow.bytes.byteOffset)
  const at = body + INDEX_BYTES
  const length = Math.max(0, frame.at + frame.length - at - TAG_BYTES)
  return [{ side, frame, index: Number(view.getBigUint64(body)), at, length }]
}

/** Only what can be read whole; what is wrong with a header is the dissection's to say. */
function readHeader(part: Part, frame: Frame): void {
  try {
    const body = part.side.flow.bytes.subarray(bodyAt(part.side, frame), frame.at + frame.length)
    const { suite, chunkSize, variable, stanzas } = parseHeader(body)
    part.strict = suite === 'rsa-oaep'
    part.header = { chunkSize, variable, modulus: stanzas[0]?.ciphertext.byteLength }
  } catch (error) {
    if (!SftError.is(error)) throw error
  }
}

/** The suite that `HELR` chose: TLV 2 (§6). */
function suiteOf(side: Side): number | undefined {
  const { of } = side
  const answer = of.frames.find(({ label }) => label === 'HELR')
  if (answer === undefined) return undefined
  const flow = of.connection[answer.direction]
  let at = bodyAt({ ...side, flow }, answer)
  while (at + 1 < answer.at + answer.length) {
    const [tag, length = 0] = flow.bytes.subarray(at, at + 2)
    if (tag === 2) return flow.bytes[at + 1 + length]
    // the two fields before it are short ones
    at += 2 + length
  }
  return undefined
}

function sealedText({ flow }: Side, { at, length }: Frame): string {
  return Buffer.from(flow.bytes.subarray(at, at + length)).toString('latin1')
}

/** Bytes of chunks without their tags. */
export const dataOf = ({ chunks }: Stream): number => sum(chunks.map(({ length }) => length))

/** `17 chunks of connections 2 and 3` */
export function streamName({ chunks, sides }: Stream): string {
  const numbers = [...new Set(sides.map(({ of }) => of.connection.number))]
  const joined = numbers.length > 1 ? `connections ${numbers.join(', ')}` : `connection ${numbers[0]}`
  return `${chunks.length === 0 ? 'the empty stream' : chunks.length === 1 ? 'the chunk' : `the ${chunks.length} chunks`} of ${joined}`
}
