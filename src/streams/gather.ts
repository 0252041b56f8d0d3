import { allocate, release } from '../workers/buffers.ts'
import { SftError } from './errors.ts'
import { fillOf } from './filling.ts'
import { iterate } from './iterate.ts'
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

/** A read that lacks fewer bytes than this takes them from the next piece: they may be the beginning of more. */
const WORTH_FILLING = 16 * 1024

/**
 * Gathers a byte source into reads of exact size: the bytes of a frame are copied once, into a buffer of their own, however
 * small the pieces they came in; a source that fills writes most of a large one there itself. Memory: one source piece and the buffer asked for. `next(1)` at the end of
 * the source is a clean end; an end inside a longer read is an error.
 *
 * @throws SftError ERR_SFT_TRUNCATED when the source ends inside a read.
 */
export function gather(source: Source<Uint8Array>, options: GatherOptions = {}): ExactReader {
  const pieces = iterate(source)
  const fill = fillOf(source)
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

  function take(into: Uint8Array): number {
    const taken = piece.subarray(offset, offset + into.byteLength)
    into.set(taken)
    offset += taken.byteLength
    return taken.byteLength
  }

  /** Bytes of the next piece, or as many as the source has put in their place itself; 0 at the end. */
  async function takeSome(into: Uint8Array): Promise<number> {
    if (offset < piece.byteLength) return take(into)
    const filling = into.byteLength >= WORTH_FILLING ? fill?.(into) : undefined
    return filling ?? ((await refill()) ? take(into) : 0)
  }

  async function next(n: number): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>> {
    const out = n === 1 ? new Uint8Array(1) : allocate(n)
    for (let filled = 0; filled < n; ) {
      const taken = await takeSome(out.subarray(filled))
      if (taken === 0 && n === 1) return { done: true, value: undefined }
      if (taken === 0) throw new SftError('ERR_SFT_TRUNCATED', 'input ends inside a frame')
      filled += taken
    }
    return { done: false, value: out }
  }

  return { next, close: async () => void (await pieces.return?.()) }
}
