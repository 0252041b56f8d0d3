import { allocate, release } from '../workers/buffers.ts'
import { DEFAULT_CHUNK_SIZE, isChunkSize } from '../workers/construction.ts'
import type { BlockKey } from '../workers/strict-blocks.ts'
import { SftError } from './errors.ts'
import { IDLE, markIdle } from './idle.ts'
import type { Chunk, Stage } from './types.ts'

export interface ChunkOptions {
  /** Chunk size in bytes: a power of two, 16 KiB to 1 MiB. Default 1 MiB. */
  size?: number
  /** The source hands over its buffers (as `readFile` does): a piece of exactly one chunk passes without a copy, any other is given back once copied. Default false: pieces are borrowed and copied. */
  owned?: boolean
  /**
   * Milliseconds after which a chunk that is not full is passed on when the source falls idle, so that `tail -f` does not wait for a
   * megabyte. The stream's header must then say that its chunks vary (SPEC §7.2, M30). Default: never.
   */
  idle?: number
  /** The chunks go into blocks of the strict suite, and `size` is what those hold (SPEC §7.6): any number of bytes. */
  blocks?: BlockKey | undefined
}

/**
 * Chunks: bytes flow in, in pieces of any size, chunks of exactly `size` bytes flow out, the last one shorter. Each chunk has an
 * ArrayBuffer of its own, owned by the consumer. Memory: one chunk. Empty input gives no chunk.
 *
 * @throws SftError ERR_SFT_USAGE for a size that is no power of two from 16 KiB to 1 MiB.
 */
export function chunk(options: ChunkOptions = {}): Stage<Uint8Array, Chunk> {
  const { size = DEFAULT_CHUNK_SIZE, owned = false, idle, blocks } = options
  if (!blocks && !isChunkSize(size))
    throw new SftError('ERR_SFT_USAGE', 'chunk size must be a power of two from 16 KiB to 1 MiB')
  return async function* (source) {
    const filling = new Filling(size, owned)
    for await (const piece of idle === undefined ? source : markIdle(source, idle)) {
      yield* piece === IDLE ? filling.rest() : filling.add(piece)
    }
    yield* filling.rest()
  }
}

/** One chunk being filled. */
class Filling {
  readonly #size: number
  readonly #owned: boolean
  #buffer: Uint8Array<ArrayBuffer> | undefined
  #used = 0

  constructor(size: number, owned: boolean) {
    this.#size = size
    this.#owned = owned
  }

  *add(piece: Uint8Array): Generator<Chunk> {
    if (this.#owned && this.#used === 0 && isWholeChunk(piece, this.#size)) {
      yield piece as Chunk
      return
    }
    for (let offset = 0; offset < piece.byteLength; ) {
      this.#buffer ??= allocate(this.#size)
      const taken = Math.min(this.#size - this.#used, piece.byteLength - offset)
      this.#buffer.set(piece.subarray(offset, offset + taken), this.#used)
      this.#used += taken
      offset += taken
      if (this.#used === this.#size) yield this.#take()
    }
    if (this.#owned) release(piece)
  }

  /** What is there, if anything; a short chunk gets an ArrayBuffer of its own size. */
  *rest(): Generator<Chunk> {
    if (this.#used > 0) yield this.#take()
  }

  #take(): Chunk {
    const buffer = this.#buffer as Uint8Array<ArrayBuffer>
    const taken = this.#used === this.#size ? buffer : new Uint8Array(buffer.buffer.transfer(this.#used))
    this.#buffer = undefined
    this.#used = 0
    return taken as Chunk
  }
}

function isWholeChunk(piece: Uint8Array, size: number): boolean {
  return piece.byteLength === size && piece.buffer.byteLength === size && piece.buffer instanceof ArrayBuffer
}
