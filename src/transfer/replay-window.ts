import { allocate } from '../workers/buffers.ts'

const BLOCK = 1024 * 1024

/** The last bytes of a stream, in blocks that are used in turn (SPEC §8.4). Memory: what it is to hold, and a block; taken as it fills. */
export class ReplayWindow {
  readonly #blocks: (Uint8Array | undefined)[]
  #to = 0

  /** @param bytes that it holds at least, once there have been as many */
  constructor(bytes: number) {
    this.#blocks = Array.from({ length: Math.ceil(bytes / BLOCK) + 1 })
  }

  /** The first byte of the stream that is held. */
  get from(): number {
    return Math.max(0, (Math.floor(this.#to / BLOCK) - this.#blocks.length + 1) * BLOCK)
  }

  /** Bytes of the stream up to now. */
  get to(): number {
    return this.#to
  }

  /** @param piece borrowed */
  append(piece: Uint8Array): void {
    for (let rest = piece; rest.byteLength > 0; ) {
      const slot = Math.floor(this.#to / BLOCK) % this.#blocks.length
      this.#blocks[slot] ??= allocate(BLOCK)
      const taken = rest.subarray(0, BLOCK - (this.#to % BLOCK))
      this.#blocks[slot].set(taken, this.#to % BLOCK)
      this.#to += taken.byteLength
      rest = rest.subarray(taken.byteLength)
    }
  }

  /** Bytes from `at` on, which is held: at least one if there is one, at most to the end of a block. A view, good until the next `append`. */
  view(at: number): Uint8Array {
    const block = Math.floor(at / BLOCK)
    const end = Math.min(BLOCK, this.#to - block * BLOCK)
    return this.#blocks[block % this.#blocks.length]?.subarray(at % BLOCK, end) ?? new Uint8Array(0)
  }
}
