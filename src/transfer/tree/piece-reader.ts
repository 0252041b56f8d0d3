import { iterate } from '../../streams/iterate.ts'
import type { Source } from '../../streams/types.ts'
import { release } from '../../workers/buffers.ts'
import { malformed } from './archive.ts'

/** Bytes of a source by their number, not by its pieces; pieces are the reader's, and are given back when they have been read. */
export class PieceReader {
  readonly #pieces: ReturnType<typeof iterate<Uint8Array>>
  #piece: Uint8Array = new Uint8Array()
  #offset = 0

  constructor(source: Source<Uint8Array>) {
    this.#pieces = iterate(source)
  }

  /** The next `count` bytes, which stay the next, if they are in one piece; borrowed until the next `take` or `some`. */
  ahead(count: number): Buffer | undefined {
    const { buffer, byteOffset, byteLength } = this.#piece
    return byteLength - this.#offset < count ? undefined : Buffer.from(buffer, byteOffset + this.#offset, count)
  }

  /** Exactly `count` bytes, borrowed until the next call. The caller has compared `count` with a constant. @throws SftError ERR_SFT_ENCODING */
  async take(count: number): Promise<Buffer> {
    const whole = this.ahead(count)
    if (whole) {
      this.#offset += count
      return whole
    }
    const taken = Buffer.allocUnsafe(count)
    for (let done = 0; done < count; ) {
      const some = await this.some(count - done)
      if (some === undefined) throw malformed('ends early')
      taken.set(some, done)
      done += some.byteLength
    }
    return taken
  }

  /** Up to `most` bytes that are there, borrowed until the next call; undefined at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#offset === this.#piece.byteLength) {
      release(this.#piece)
      const next = await this.#pieces.next()
      if (next.done) {
        this.#piece = new Uint8Array()
        this.#offset = 0
        return undefined
      }
      this.#piece = next.value as Uint8Array
      this.#offset = 0
    }
    const some = this.#piece.subarray(this.#offset, this.#offset + most)
    this.#offset += some.byteLength
    return some
  }

  /** Reads past so many bytes. */
  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const some = await this.some(left)
      if (some === undefined) throw malformed('ends early')
      left -= some.byteLength
    }
  }

  /** Ends the source, wherever it is. */
  async close(): Promise<void> {
    await this.#pieces.return?.()
  }
}
