import { countBefore } from '../bisect.ts'

/** What was in pieces, put together. */
export interface Joined {
  /** In words for evidence: `joined chunks of HTTP` */
  readonly how: string
  readonly bytes: Uint8Array
  /** Where in the bytes that were looked at what is at `at` begins. */
  origin(at: number): number
}

/** Bytes from several places, one behind the other. */
export class Pieces {
  readonly how: string
  #bytes = Buffer.alloc(1024)
  /** Where each begins. */
  readonly #from: number[] = []
  readonly #origins: ((within: number) => number)[] = []
  length = 0

  constructor(how: string) {
    this.how = how
  }

  get count(): number {
    return this.#from.length
  }

  /** @param origin where what is at `within` of this piece comes from */
  add(bytes: Uint8Array, origin: (within: number) => number): void {
    const length = this.length + bytes.byteLength
    if (length > this.#bytes.byteLength) this.#bytes = Buffer.concat([this.#bytes], Math.max(length, 2 * this.length))
    this.#bytes.set(bytes, this.length)
    this.#from.push(this.length)
    this.#origins.push(origin)
    this.length = length
  }

  joined(): Joined {
    return {
      how: this.how,
      bytes: this.#bytes.subarray(0, this.length),
      origin: at => {
        const piece = this.#pieceAt(at)
        return this.#originOf(piece)(at - (this.#from[piece] as number))
      }
    }
  }

  /** The last pieces, with at least so many bytes, but no more than half of all. */
  end(length: number): Pieces {
    const pieces = new Pieces(this.how)
    const first = Math.max(this.#pieceAt(Math.max(0, this.length - length)), this.count >>> 1)
    for (let piece = first; piece < this.count; piece++)
      pieces.add(this.#bytes.subarray(this.#from[piece], this.#from[piece + 1] ?? this.length), this.#originOf(piece))
    return pieces
  }

  #originOf(piece: number): (within: number) => number {
    return this.#origins[piece] as (within: number) => number
  }

  #pieceAt(at: number): number {
    return Math.max(0, countBefore(this.count, each => (this.#from[each] as number) <= at) - 1)
  }
}
