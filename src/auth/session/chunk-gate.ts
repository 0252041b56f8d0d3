import { SftError } from '../../streams/errors.ts'
import { CONTROL_CAP, TYPE_BYTES } from '../../streams/frame-types.ts'
import type { ReceivedFrame } from '../../streams/types.ts'
import { CHUNK_OVERHEAD } from '../../workers/construction.ts'
import { FINAL_CAP } from './stripe.ts'

/** Which sealed frames of a stream a session takes, and how large a frame may be: nothing beyond what its stream has announced. */
export class ChunkGate {
  #power: number
  #size: number | undefined

  /** @param power - our own largest chunk size as a power of two. */
  constructor(power: number) {
    this.#power = power
  }

  /** Largest chunk size in bytes that both sides take, as far as the peer's is known. */
  get maxChunkSize(): number {
    return 2 ** this.#power
  }

  /** The peer takes chunks of that power of two at most. */
  limit(power: number): void {
    this.#power = Math.min(this.#power, power)
  }

  /** Opens for the chunks of one stream; `size` in bytes. */
  open(size: number): void {
    this.#size = size
  }

  /** Cap of the next frame in bytes (SPEC §3). */
  cap(): number {
    return this.#size === undefined ? CONTROL_CAP : TYPE_BYTES + this.#size + CHUNK_OVERHEAD
  }

  /** Lets `RSFL` and `FINL` pass; closes behind the final. @throws SftError ERR_SFT_FRAME_TYPE, ERR_SFT_FRAME_TOO_LARGE. */
  pass({ type, body }: ReceivedFrame): void {
    if (this.#size === undefined) throw new SftError('ERR_SFT_FRAME_TYPE', `a frame of type ${type} came too early`)
    if (type === 'RSFL') return
    if (body.byteLength + TYPE_BYTES > FINAL_CAP)
      throw new SftError('ERR_SFT_FRAME_TOO_LARGE', 'the final is too large')
    this.#size = undefined
  }
}
