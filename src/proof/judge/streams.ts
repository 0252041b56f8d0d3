import { helloReply } from '../../auth/session/handshake-messages.ts'
import { parseHeader } from '../../streams/header.ts'
import { INDEX_BYTES, SUITE_IDS, TAG_BYTES } from '../../workers/construction.ts'
import { bodyAt, readBody } from '../dissect/frame-body.ts'
import { chunkIndex } from '../dissect/sft-frames.ts'
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

/** The connections that are sft's. */
export function ofSft(all: readonly Dissected[]): Dissected[] {
  return all.filter(({ protocol }) => protocol === 'sft pipe' || protocol === 'sft session')
}

export function streamsOf(all: readonly Dissected[]): Stream[] {
  const parts = sidesOf(ofSft(all)).flatMap(partsOf)
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
    const part: Part = { side, chunks: [], header: undefined, strict: isStrict(side), end: undefined }
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

/** None where the flow ends before its index does. */
function chunkOf(side: Side, frame: Frame): Chunk[] {
  const body = bodyAt(side.flow, frame)
  const index = chunkIndex(side.flow.bytes, { body })
  const at = body + INDEX_BYTES
  const length = Math.max(0, frame.at + frame.length - at - TAG_BYTES)
  return index === undefined ? [] : [{ side, frame, index, at, length }]
}

function readHeader(part: Part, frame: Frame): void {
  const header = readBody(part.side.flow, frame, parseHeader)
  if (header === undefined) return
  const { suite, chunkSize, variable, stanzas } = header
  part.strict = suite === 'rsa-oaep'
  part.header = { chunkSize, variable, modulus: stanzas[0]?.ciphertext.byteLength }
}

/** Whether the suite that `HELR` chose is the strict one (§6). */
function isStrict({ of }: Side): boolean {
  const answer = of.frames.find(({ label }) => label === 'HELR')
  const chosen = answer && readBody(of.connection[answer.direction], answer, helloReply.decode)
  return chosen?.suite === SUITE_IDS['rsa-oaep']
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
