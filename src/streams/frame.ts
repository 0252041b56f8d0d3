import * as lp from 'it-length-prefixed'
import { Uint8ArrayList } from 'uint8arraylist'
import { typeBytes } from './frame-types.ts'
import type { Frame, Stage } from './types.ts'
import { encodeVarint, MAX_VARINT } from './varint.ts'

/** Pieces up to this many bytes are joined into one write; larger ones pass as they are. */
const SMALL_PIECE = 512

const lengthEncoder = Object.assign((length: number) => encodeVarint(length), { bytes: 4 })

/**
 * Frames: frames flow in, bytes flow out, `varint(length) ‖ type ‖ body` (SPEC §3). Large body pieces are passed on without a
 * copy; small ones are joined with the length and type into one buffer. Holds one frame.
 */
export function frame(): Stage<Frame, Uint8Array> {
  return async function* (source) {
    for await (const next of source) yield* frameBytes(next)
  }
}

/** The bytes of one frame, in as few pieces as need no copy of large ones. */
export function* frameBytes({ type, body }: Frame): Generator<Uint8Array, void, undefined> {
  const list = new Uint8ArrayList(typeBytes(type), ...body)
  let small: Uint8Array[] = []
  for (const piece of lp.encode.single(list, { lengthEncoder, maxDataLength: MAX_VARINT })) {
    if (piece.byteLength <= SMALL_PIECE) {
      small.push(piece)
      continue
    }
    if (small.length > 0) yield Buffer.concat(small)
    small = []
    yield piece
  }
  if (small.length > 0) yield Buffer.concat(small)
}
