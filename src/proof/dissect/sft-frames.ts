import { SftError } from '../../streams/errors.ts'
import { CONTROL_CAP, parseType, TYPE_BYTES } from '../../streams/frame-types.ts'
import type { FrameType } from '../../streams/types.ts'
import { decodeVarint } from '../../streams/varint.ts'
import { CHUNK_OVERHEAD, INDEX_BYTES, MAX_CHUNK_SIZE, TAG_BYTES } from '../../workers/construction.ts'

/** Frames of sft/1 in the bytes of one direction (SPEC §3); their bodies stay sealed. */

export interface SftFrame {
  readonly type: FrameType
  readonly at: number
  readonly length: number
  /** Where the body begins, and what is wrong with its length. */
  readonly body: number
  readonly fault: string | undefined
}

/** What could be read, and where and why it ended if that was not the end. */
export interface Split {
  readonly frames: readonly SftFrame[]
  readonly rest: { readonly at: number; readonly reason: string } | undefined
}

/** Three numbers (SPEC §7.3), and a signature of the largest key behind its kind (§7.5). */
const FINAL_CAP = TYPE_BYTES + 3 * INDEX_BYTES + TAG_BYTES
const CHECKPOINT_CAP = TYPE_BYTES + 1 + 512 + TAG_BYTES
const CAPS: Readonly<Partial<Record<FrameType, number>>> = {
  RSFL: TYPE_BYTES + MAX_CHUNK_SIZE + CHUNK_OVERHEAD,
  FINL: FINAL_CAP,
  CKPT: CHECKPOINT_CAP
}
/** Lengths of what has the same plaintext in every session: none, a code, a MAC. */
const EXACT: Readonly<Partial<Record<FrameType, number>>> = {
  PING: TYPE_BYTES + TAG_BYTES,
  CLOS: TYPE_BYTES + TAG_BYTES,
  JOIR: TYPE_BYTES + TAG_BYTES,
  RSCI: TYPE_BYTES + 1 + TAG_BYTES,
  ABRT: TYPE_BYTES + 1 + TAG_BYTES,
  SECF: TYPE_BYTES + 32 + TAG_BYTES,
  FINL: FINAL_CAP
}
/** In the clear. */
export const CLEAR: ReadonlySet<FrameType> = new Set<FrameType>(['HELO', 'HELR', 'JOIN'])

/**
 * The frames from `from` on; what is no frame, or not there whole, is the rest.
 *
 * @throws SftError ERR_SFT_LIMIT of `count`
 */
export function splitFrames(bytes: Uint8Array, from: number, count: { add(): void }): Split {
  const frames: SftFrame[] = []
  let at = from
  try {
    while (at < bytes.byteLength) {
      const frame = frameAt(bytes, at)
      count.add()
      frames.push(frame)
      at += frame.length
      if (at > bytes.byteLength) return cutOff(frames, bytes.byteLength)
    }
    return { frames, rest: undefined }
  } catch (error) {
    if (!SftError.is(error) || error.code === 'ERR_SFT_LIMIT') throw error
    return { frames, rest: { at, reason: error.message } }
  }
}

/** The type of the first frame, if there is one. */
export function firstType(bytes: Uint8Array): FrameType | undefined {
  try {
    return frameAt(bytes, 0).type
  } catch (error) {
    if (SftError.is(error)) return undefined
    throw error
  }
}

/** The last frame is there in part only. */
function cutOff(frames: readonly SftFrame[], end: number): Split {
  const last = frames.at(-1) as SftFrame
  const part = { ...last, length: end - last.at, fault: undefined }
  return {
    frames: [...frames.slice(0, -1), part],
    rest: { at: last.at, reason: `the flow ends inside a frame ${last.type}` }
  }
}

function frameAt(bytes: Uint8Array, at: number): SftFrame {
  const length = decodeVarint(bytes, at)
  const typeAt = at + (length?.size ?? 0)
  const end = typeAt + TYPE_BYTES
  if (length === undefined || end > bytes.byteLength)
    throw new SftError('ERR_SFT_TRUNCATED', 'the flow ends in front of a frame')
  const type = parseType(bytes.subarray(typeAt, end))
  const cap = CAPS[type] ?? CONTROL_CAP
  if (length.value < TYPE_BYTES || length.value > cap)
    throw new SftError('ERR_SFT_FRAME_LENGTH', `a frame ${type} of ${length.value} bytes`)
  return { type, at, length: length.size + length.value, body: end, fault: lengthFault(type, length.value) }
}

function lengthFault(type: FrameType, length: number): string | undefined {
  const exact = EXACT[type]
  const least = type === 'RSFL' ? TYPE_BYTES + CHUNK_OVERHEAD + 1 : TYPE_BYTES + (CLEAR.has(type) ? 0 : TAG_BYTES)
  const possible = exact === undefined ? length >= least : length === exact
  return possible ? undefined : `a frame ${type} of ${length} bytes`
}

/** What of a frame is ciphertext, from `from` on: of a chunk, all behind its index. */
export function sealedPart({ type, at, length, body }: SftFrame): { at: number; length: number } | undefined {
  const start = type === 'RSFL' ? body + INDEX_BYTES : body
  return CLEAR.has(type) || start >= at + length ? undefined : { at: start, length: at + length - start }
}

/** The index in front of a chunk; `undefined` if the flow ends before it does. */
export function chunkIndex(bytes: Uint8Array, { body }: Pick<SftFrame, 'body'>): number | undefined {
  if (body + INDEX_BYTES > bytes.byteLength) return undefined
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(body))
}
