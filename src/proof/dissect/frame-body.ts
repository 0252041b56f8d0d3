import { SftError } from '../../streams/errors.ts'
import { TYPE_BYTES } from '../../streams/frame-types.ts'
import { decodeVarint } from '../../streams/varint.ts'
import type { Flow, Frame } from '../model.ts'

/** Where the body of a frame of sft begins in its flow: behind length and type. */
export function bodyAt({ bytes }: Pick<Flow, 'bytes'>, { at }: Pick<Frame, 'at'>): number {
  return at + (decodeVarint(bytes, at)?.size ?? 0) + TYPE_BYTES
}

export function frameBody(flow: Pick<Flow, 'bytes'>, frame: Pick<Frame, 'at' | 'length'>): Uint8Array {
  return flow.bytes.subarray(bodyAt(flow, frame), frame.at + frame.length)
}

/** What the body says, if it can be read whole; what is wrong with it is for the dissection of the frame to say. */
export function readBody<T>(
  flow: Pick<Flow, 'bytes'>,
  frame: Pick<Frame, 'at' | 'length'>,
  read: (body: Uint8Array) => T
): T | undefined {
  try {
    return read(frameBody(flow, frame))
  } catch (error) {
    if (!SftError.is(error)) throw error
    return undefined
  }
}
