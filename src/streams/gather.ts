import { allocate, release } from '../workers/buffers.ts'
import { SftError } from './errors.ts'
import type { Source } from './types.ts'

/** What `it-length-prefixed` asks of a reader: exactly `n` bytes, or the end. */
export interface ExactReader {
  next(n: number): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>>
  /** Stops the source; safe to call twice. */
  close(): Promise<void>
}

export interface GatherOptions {
  /** The source hands over its buffers: each is given back as soon as it is copied. Default false: they are borrowed. */
  owned?: boolean
}

/**
 * Gathers a byte source into reads of exact size: the bytes of a frame are copied once, into a buffer of their own, however
 * small the pieces they came in. Memory: one source piece and the buffer asked for. `next(1)` at the end of
 * the source is a clean end; an end inside a longer read is an error.
 *
 * @throws SftError ERR_SFT_TRUNCATED when the source ends inside a read.
 */
export function gather(source: Source<Uint8Array>, options: GatherOptions = {}): ExactReader {
  const pieces = iterate(source)
  let piece: Uint8Array = new Uint8Array(0)
  let offset = 0

  async function refill(): Promise<boolean> {
    do {
      if (options.owned) release(piece)
      const next = await pieces.next()
      piece = next.done ? new Uint8Array(0) : next.value
      offset = 0
      if (next.done) return false
    } while (piece.byteLength === 0)
    return true
  }

  async function next(n: number): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>> {
    if (offset === piece.byteLength && !(await refill()) && n === 1) return { done: true, value: undefined }
    const out = n === 1 ? new Uint8Array(1) : allocate(n)
    for (let filled = 0; filled < n; ) {
      if (offset === piece.byteLength && !(await refill())) {
        throw new SftError('ERR_SFT_TRUNCATED', 'input ends inside a frame')
      }
      const taken = Math.min(n - filled, piece.byteLength - offset)
      out.set(piece.subarray(offset, offset + taken), filled)
      filled += taken
      offset += taken
    }
    return { done: false, value: out }
  }

  return { next, close: async () => void (await pieces.return?.()) }
}

function iterate<T>(source: Source<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
}
