/**
 * Finds every place where 16 bytes in a row of one set of bytes stand in another. Whatever 16 bytes one takes, eight of them are a block that begins at a multiple of eight: only
 * those are kept, in a table of 32-bit numbers, and what is searched is looked up at every byte. Beside the bytes themselves it takes about 11 bytes of memory for each 8 that
 * are indexed: 90 MiB for 64 MiB.
 */

/** Part of some bytes; borrowed, never written to. */
export interface Stretch {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

/** Bytes that are the same in both, as many as there are. */
export interface Match<S extends Stretch> {
  readonly source: S
  /** Where in the bytes of `source`, and where in those that were searched. */
  readonly sourceAt: number
  readonly at: number
  readonly length: number
}

/** Whether what stands at `sourceAt` of a source may be compared with what stands at `at`. */
export type May<S extends Stretch> = (source: S, sourceAt: number, at: number) => boolean

interface Place<S extends Stretch> {
  readonly at: number
  readonly taken: number
  readonly hash: number
  readonly may: May<S>
}

/** How many bytes in a row count (M174, M176). */
export const WINDOW = 16
const BLOCK = 8
/** Places of one block that are compared on being added and on being found: what repeats itself would otherwise take for ever. */
const MAX_KNOWN = 16
const MAX_TRIED = 4096

const hashOf = (low: number, high: number): number => {
  const mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)
  const again = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return again ^ (again >>> 13)
}

const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(1024, least)))

export class BlockIndex<S extends Stretch> {
  readonly #sources: readonly S[]
  /** Number of the first block of each source, from 1; 0 is none. */
  readonly #firsts: Uint32Array
  /** Number of the last block of each hash, and of the one before a block. */
  readonly #heads: Uint32Array
  readonly #before: Uint32Array
  /** A bit for each hash, which most places that hold nothing fail at. */
  readonly #filter: Uint32Array

  constructor(sources: readonly S[]) {
    this.#sources = sources.filter(({ from, to }) => to - from >= WINDOW)
    this.#firsts = new Uint32Array(this.#sources.length)
    let blocks = 0
    for (const [i, { from, to }] of this.#sources.entries()) {
      this.#firsts[i] = blocks + 1
      blocks += Math.floor((to - from) / BLOCK)
    }
    this.#heads = new Uint32Array(powerOfTwo(blocks / 2))
    this.#before = new Uint32Array(blocks + 1)
    this.#filter = new Uint32Array(powerOfTwo(blocks * 16) / 32)
    for (const [i, source] of this.#sources.entries()) this.#add(source, this.#firsts[i] as number)
  }

  #add({ bytes, from, to }: S, first: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = from, block = first; at + BLOCK <= to; at += BLOCK, block++) {
      const hash = hashOf(view.getInt32(at, true), view.getInt32(at + 4, true))
      const slot = hash & (this.#heads.length - 1)
      const bit = hash & (this.#filter.length * 32 - 1)
      if (this.#isKnown(bytes, at, to, this.#heads[slot] as number)) continue
      this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] as number) | (1 << (bit & 31))
      this.#before[block] = this.#heads[slot] as number
      this.#heads[slot] = block
    }
  }

  /** Whether the block and eight bytes on either side of it, all that a window with it can hold, are there already. */
  #isKnown(bytes: Uint8Array, at: number, to: number, newest: number): boolean {
    for (let block = newest, left = MAX_KNOWN; block !== 0 && left > 0; block = this.#before[block] as number, left--) {
      const { source, at: known } = this.#placeOf(block)
      if (known < source.from + BLOCK || known + 2 * BLOCK > source.to || at < BLOCK || at + 2 * BLOCK > to) continue
      let same = true
      for (let i = -BLOCK; same && i < 2 * BLOCK; i++) same = bytes[at + i] === source.bytes[known + i]
      if (same) return true
    }
    return false
  }

  #placeOf(block: number): { source: S; at: number } {
    let [low, high] = [0, this.#firsts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#firsts[middle] as number) <= block) low = middle
      else high = middle - 1
    }
    const source = this.#sources[low] as S
    return { source, at: source.from + (block - (this.#firsts[low] as number)) * BLOCK }
  }

  /** Calls `found` for what stands in `stretch`, in order, each with a byte at least that none before it had; a place that `may` says no to is no match, however long. */
  search(stretch: Stretch, found: (match: Match<S>) => void, may: May<S> = () => true): void {
    const { bytes, from, to } = stretch
    if (this.#sources.length === 0 || to - from < WINDOW) return
    const filter = this.#filter
    const mask = filter.length * 32 - 1
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let low = view.getInt32(from, true)
    let high = view.getInt32(from + 4, true)
    let taken = from
    for (let at = from; ; ) {
      const hash = hashOf(low, high)
      const bit = hash & mask
      if (((filter[bit >>> 5] as number) >>> (bit & 31)) & 1) {
        const match = this.#matchAt(stretch, { at, taken, hash, may })
        if (match) {
          found(match)
          taken = match.at + match.length
          at = taken - BLOCK + 1
          if (at + BLOCK > to) return
          low = view.getInt32(at, true)
          high = view.getInt32(at + 4, true)
          continue
        }
      }
      if (++at + BLOCK > to) return
      low = (low >>> 8) | (high << 24)
      high = (high >>> 8) | ((bytes[at + BLOCK - 1] as number) << 24)
    }
  }

  /** The first match with the block at `at` that goes beyond `taken`, which the one before it ended at. */
  #matchAt({ bytes, from, to }: Stretch, { at, taken, hash, may }: Place<S>): Match<S> | undefined {
    let block = this.#heads[hash & (this.#heads.length - 1)] as number
    for (let left = MAX_TRIED; block !== 0 && left > 0; block = this.#before[block] as number, left--) {
      const { source, at: known } = this.#placeOf(block)
      if (!may(source, known, at)) continue
      const most = Math.min(to - at, source.to - known)
      let behind = 0
      while (behind < most && bytes[at + behind] === source.bytes[known + behind]) behind++
      if (behind < BLOCK || at + behind <= taken) continue
      // back to where a window begins that ends behind what was taken
      const least = Math.min(at - Math.max(from, taken - WINDOW + 1), known - source.from)
      let before = 0
      while (before < least && bytes[at - before - 1] === source.bytes[known - before - 1]) before++
      const length = before + behind
      if (length >= WINDOW) return { source, sourceAt: known - before, at: at - before, length }
    }
    return undefined
  }
}
