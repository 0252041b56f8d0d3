import * as lp from 'it-length-prefixed'
import type { Uint8ArrayList } from 'uint8arraylist'
import { SftError } from './errors.ts'
import { parseType, TYPE_BYTES } from './frame-types.ts'
import { type ExactReader, type GatherOptions, gather } from './gather.ts'
import type { FrameType, ReceivedFrame, Stage } from './types.ts'
import { decodeVarint, MAX_VARINT, MAX_VARINT_BYTES } from './varint.ts'

export interface UnframeOptions extends GatherOptions {
  /** Largest `length` of a frame in bytes; a function is asked for every frame, so that it can follow the state. */
  cap: number | (() => number)
  /** Type of the frame after which the input must end; frames go on without end when absent. */
  last?: FrameType
}

/**
 * Unframes: bytes flow in, in pieces of any size, whole frames flow out, each body in a buffer of its own that the consumer owns.
 * A length is compared with the cap before memory for it is taken, so memory is one frame of at most `cap` bytes and
 * one piece of the source. Strict: minimal lengths, known types, an end only between two frames (SPEC §3, M3–M6).
 *
 * @throws SftError ERR_SFT_FRAME_LENGTH, ERR_SFT_FRAME_TOO_LARGE, ERR_SFT_FRAME_TYPE, ERR_SFT_TRUNCATED, ERR_SFT_TRAILING.
 */
export function unframe(options: UnframeOptions): Stage<Uint8Array, ReceivedFrame> {
  return async function* (source) {
    const reader = gather(source, options)
    const lengthDecoder = strictLengthDecoder(options.cap)
    try {
      for await (const list of decodeExactly(reader, lengthDecoder)) {
        const frame = splitFrame(list.subarray())
        yield frame
        if (frame.type === options.last) return await expectEnd(reader)
      }
    } finally {
      await reader.close()
    }
  }
}

/**
 * Feeds `lp.decode` one byte of a length at a time, then the whole body in one read. (Its own `decode.fromReader` means to
 * do this, but resets the size it wants after `onLength` has set it, and reads bodies byte by byte: 11.0.1.)
 */
function decodeExactly(reader: ExactReader, lengthDecoder: LengthDecoder): AsyncGenerator<Uint8ArrayList> {
  let wanted = 1
  async function* reads(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const size = wanted
      wanted = 1
      const read = await reader.next(size)
      if (!read.done) yield read.value
      else if (lengthDecoder.inside) throw new SftError('ERR_SFT_TRUNCATED', 'input ends inside a length')
      else return
    }
  }
  const onLength = (length: number): void => {
    wanted = length
  }
  return lp.decode(reads(), { lengthDecoder, onLength, maxDataLength: MAX_VARINT, maxLengthLength: MAX_VARINT_BYTES })
}

/** M23: a byte is as much as a frame, and need not look like one. */
async function expectEnd(reader: ExactReader): Promise<void> {
  if (!(await reader.next(1)).done) throw new SftError('ERR_SFT_TRAILING', 'data after the end of the stream')
}

/** Splits off the type; the body is a view, so that the type's four bytes cost no copy of the rest. */
function splitFrame(bytes: Uint8Array): ReceivedFrame {
  return { type: parseType(bytes), body: bytes.subarray(TYPE_BYTES) as Uint8Array<ArrayBuffer> }
}

interface LengthDecoder {
  (bytes: Parameters<typeof decodeVarint>[0]): number
  bytes: number
  /** True while some, but not all, bytes of a length have been read. */
  inside: boolean
}

/** Checks the form and the bounds of a length before any memory is taken for the frame (M3, M4). */
function strictLengthDecoder(cap: number | (() => number)): LengthDecoder {
  const decoder: LengthDecoder = Object.assign(
    (bytes: Parameters<typeof decodeVarint>[0]) => {
      const length = decodeVarint(bytes)
      decoder.inside = length === undefined
      // it-length-prefixed takes a RangeError, and only that, for "read one more byte"
      if (length === undefined) throw new RangeError('length is not complete')
      decoder.bytes = length.size
      checkLength(length.value, typeof cap === 'function' ? cap() : cap)
      return length.value
    },
    { bytes: 0, inside: false }
  )
  return decoder
}

function checkLength(length: number, cap: number): void {
  if (length < TYPE_BYTES) throw new SftError('ERR_SFT_FRAME_LENGTH', 'frame is shorter than its type')
  if (length > cap)
    throw new SftError('ERR_SFT_FRAME_TOO_LARGE', `frame of ${length} bytes, at most ${cap} allowed here`)
}
