import { SftError } from '../../streams/errors.ts'
import { MAGIC, type ParsedHeader, parseHeader } from '../../streams/header.ts'
import type { FrameType } from '../../streams/types.ts'
import type { Connection, Direction, Frame } from '../model.ts'
import { Chunks } from './chunks.ts'
import type { Parts } from './parts.ts'
import { type SftFrame, sealedPart, splitFrames } from './sft-frames.ts'

/** A one-way stream (SPEC §7), carried by a connection of anybody's. */

/** Who sends one, if anybody. */
export function pipeDirection({ up, down }: Connection): Direction | undefined {
  if (startsWithMagic(up.bytes)) return 'up'
  return startsWithMagic(down.bytes) ? 'down' : undefined
}

function startsWithMagic(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, MAGIC.byteLength), MAGIC) === 0
}

export function dissectPipe(parts: Parts, direction: Direction): void {
  const { connection, count } = parts
  const other = direction === 'up' ? 'down' : 'up'
  if (connection[other].bytes.byteLength > 0) parts.unexplained(other, 0, 'an answer to a one-way stream')
  const length = MAGIC.byteLength
  parts.add({
    direction,
    at: 0,
    length,
    label: 'magic',
    sealed: undefined,
    content: false,
    detail: 'a one-way stream of sft'
  })
  const { bytes } = connection[direction]
  const { frames, rest } = splitFrames(bytes, length, count)
  const last = frames.findIndex(({ type }) => type === 'FINL')
  const stream = last < 0 ? frames : frames.slice(0, last + 1)
  addStream(parts, direction, stream)
  const end = stream.reduce((sum, frame) => sum + frame.length, length)
  if (last >= 0 && end < bytes.byteLength) parts.unexplained(direction, end, 'bytes behind the end of the stream')
  else if (rest) parts.unexplained(direction, end, rest.reason)
  else if (last < 0) parts.fault(direction, end, 'the stream has no end')
}

function addStream(parts: Parts, direction: Direction, frames: readonly SftFrame[]): void {
  const { bytes } = parts.flow(direction)
  const header = headerOf(parts, direction, frames[0])
  const chunks = new Chunks(header && expectedOf(header))
  const allowed = allowedIn(header)
  for (const [index, frame] of frames.entries()) {
    const { type, at, length } = frame
    const fits = index === 0 ? type === 'STRM' : allowed.has(type)
    const fault = fits ? (frame.fault ?? chunks.see(bytes, frame)) : `a frame ${type} has no place here`
    if (fault) parts.fault(direction, at, fault)
    const own = index === 0 && header ? ofHeader(frame, header) : ofOther(bytes, frame, chunks)
    parts.add({ direction, at, length, label: type, content: type === 'RSFL', ...own })
  }
}

/** `CKPT` for several recipients only (M75). */
function allowedIn(header: ParsedHeader | undefined): ReadonlySet<FrameType> {
  const signed = header !== undefined && header.stanzas.length > 1
  return new Set<FrameType>(signed ? ['RSFL', 'FINL', 'CKPT'] : ['RSFL', 'FINL'])
}

function ofOther(bytes: Uint8Array, frame: SftFrame, chunks: Chunks): Pick<Frame, 'sealed' | 'detail'> {
  return { sealed: sealedPart(frame), detail: chunks.detail(bytes, frame) }
}

/** Of a header only the tail is sealed; wrapped keys, hints and the commitment stand in the clear. */
function ofHeader({ at, length }: SftFrame, header: ParsedHeader): Pick<Frame, 'sealed' | 'detail'> {
  const size = header.tail.byteLength
  return { sealed: size === 0 ? undefined : { at: at + length - size, length: size }, detail: describe(header) }
}

function headerOf(parts: Parts, direction: Direction, frame: SftFrame | undefined): ParsedHeader | undefined {
  if (frame?.type !== 'STRM') return undefined
  try {
    return parseHeader(parts.flow(direction).bytes.subarray(frame.body, frame.at + frame.length))
  } catch (error) {
    if (!SftError.is(error)) throw error
    parts.fault(direction, frame.at, error.message)
    return undefined
  }
}

/** In the strict suite a chunk is whole blocks (M161). */
function expectedOf({ suite, chunkSize, firstChunk, variable, stanzas }: ParsedHeader) {
  const block = suite === 'rsa-oaep' ? stanzas[0]?.ciphertext.byteLength || 1 : 1
  return { firstChunk, variable, full: Math.floor(chunkSize / block) * block }
}

function describe({ suite, chunkSize, stanzas }: ParsedHeader): string {
  const recipients = stanzas.length === 1 ? '1 recipient' : `${stanzas.length} recipients`
  return `suite ${suite}, chunks of ${chunkSize} bytes, ${recipients}`
}
