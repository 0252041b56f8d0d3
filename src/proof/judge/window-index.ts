import { countBefore } from '../bisect.ts'
import { eachAnchor, GRAM, GRAMS, WINDOW } from './anchors.ts'

/**
 * Finds where 16 bytes in a row of some bytes stand in others. Beside the bytes themselves it takes about 3 bytes of memory for each that is indexed: 210 MiB for 64 MiB.
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

interface Place<S extends Stretch> {
  readonly source: S
  readonly at: number
}

/** An entry is a hash, a place, and the number of the entry before it with the same slot. */
const HASH = 0
const PLACE = 1
const BEFORE = 2
const WORDS = 3
/** Bytes for each anchor of random ones. */
const SPACING = (GRAMS + 1) / 2
/** What a window with an anchor can have before and from it on. */
const AHEAD = GRAMS - 1
const BEHIND = WINDOW
const FILTER_BITS = 8
/** Entries of one hash that are compared on being added, and on being found: what repeats itself would otherwise take for ever. */
const MAX_KNOWN = 16
const MAX_TRIED = 1 << 18
const MAX_TRIED_IN_ALL = 1 << 28
/** Entries after the first match that may have a longer one. */
const MAX_COMPARED = 64

export class WindowIndex<S extends Stretch> {
  readonly #sources: S[] = []
  /** Number of the first byte of each source; all sources one behind the other have places. */
  readonly #bases: number[] = []
  #bytes = 0
  #tried = 0
  /** A bit for each hash: most places that hold nothing fail at this small table, and the large ones are not asked. */
  readonly #filter: Int32Array
  /** Number of the newest entry of each slot, 0 for none. */
  readonly #slots: Int32Array
  #entries: Int32Array
  #count = 1

  /** @param bytes how many will be indexed, about */
  constructor(bytes: number) {
    const anchors = Math.ceil(bytes / SPACING) + 1024
    this.#filter = new Int32Array(2 ** Math.ceil(Math.log2(anchors * FILTER_BITS)) / 32)
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(anchors)))
    this.#entries = new Int32Array(anchors * WORDS)
  }

  add(source: S): void {
    this.#begin(source)
    eachAnchor(source.bytes, source.from, source.to, (at, hash) => {
      this.#enter(source, at, hash)
      return 0
    })
  }

  /** Calls `found` for what stands in `stretch`, in order, each with a byte at least that none before it had. */
  search(stretch: Stretch, found: (match: Match<S>) => void): void {
    let taken = stretch.from
    eachAnchor(stretch.bytes, stretch.from, stretch.to, (at, hash) => {
      const match = this.#matchAt(stretch, at, hash, taken)
      if (match === undefined) return 0
      found(match)
      taken = match.at + match.length
      return taken - WINDOW + 1
    })
  }

  /** Searches `source` and adds it, so that it is compared with those that were added before, and each of its bytes with those before it. */
  searchAndAdd(source: S, found: (match: Match<S>) => void): void {
    this.#begin(source)
    let taken = source.from
    eachAnchor(source.bytes, source.from, source.to, (at, hash) => {
      const match = this.#matchAt(source, at, hash, taken)
      if (match === undefined) {
        this.#enter(source, at, hash)
        return 0
      }
      found(match)
      taken = match.at + match.length
      return taken - WINDOW + 1
    })
  }

  #begin(source: S): void {
    this.#sources.push(source)
    this.#bases.push(this.#bytes)
    this.#bytes += source.to - source.from
  }

  /** Enters an anchor of the newest source. */
  #enter({ bytes, from, to }: S, at: number, hash: number): void {
    const slot = hash & (this.#slots.length - 1)
    const newest = this.#slots[slot] as number
    if (this.#isKnown({ bytes, from, to }, at, hash, newest)) return
    const bit = hash & (this.#filter.length * 32 - 1)
    this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] as number) | (1 << (bit & 31))
    const entry = this.#count * WORDS
    if (entry + WORDS > this.#entries.length) this.#grow()
    this.#entries[entry + HASH] = hash
    this.#entries[entry + PLACE] = (this.#bases.at(-1) as number) + at - from
    this.#entries[entry + BEFORE] = newest
    this.#slots[slot] = this.#count++
  }

  #grow(): void {
    const grown = new Int32Array(Math.ceil((this.#entries.length * 3) / 2))
    grown.set(this.#entries)
    this.#entries = grown
  }

  /** Whether an anchor is there already with all around it that a window can hold. */
  #isKnown({ bytes, from, to }: Stretch, at: number, hash: number, newest: number): boolean {
    if (at - AHEAD < from || at + BEHIND > to) return false
    for (let entry = newest, left = MAX_KNOWN; entry !== 0 && left > 0; entry = this.#before(entry), left--) {
      if (this.#entries[entry * WORDS + HASH] !== hash) continue
      const { source, at: known } = this.#placeOf(entry)
      if (known - AHEAD < source.from || known + BEHIND > source.to) continue
      let i = -AHEAD
      while (i < BEHIND && bytes[at + i] === source.bytes[known + i]) i++
      if (i === BEHIND) return true
    }
    return false
  }

  #before(entry: number): number {
    return this.#entries[entry * WORDS + BEFORE] as number
  }

  #placeOf(entry: number): Place<S> {
    const place = (this.#entries[entry * WORDS + PLACE] as number) >>> 0
    const found = countBefore(this.#bases.length, index => (this.#bases[index] as number) <= place) - 1
    const source = this.#sources[found] as S
    return { source, at: source.from + place - (this.#bases[found] as number) }
  }

  /** The longest match with the anchor at `at` of the first few that go beyond `taken`, which the one before it ended at. */
  #matchAt(stretch: Stretch, at: number, hash: number, taken: number): Match<S> | undefined {
    const bit = hash & (this.#filter.length * 32 - 1)
    if (!(((this.#filter[bit >>> 5] as number) >>> (bit & 31)) & 1)) return undefined
    let best: Match<S> | undefined
    let entry = this.#slots[hash & (this.#slots.length - 1)] as number
    for (let left = this.#allowance(); entry !== 0 && left > 0; entry = this.#before(entry), left--) {
      this.#tried++
      if (this.#entries[entry * WORDS + HASH] !== hash) continue
      const match = this.#matchWith(stretch, at, this.#placeOf(entry), taken)
      if (match === undefined) continue
      if (best === undefined) left = Math.min(left, MAX_COMPARED)
      if (best === undefined || match.length > best.length) best = match
    }
    return best
  }

  /** Entries that may be tried: all that can matter, unless what is searched is made to keep us busy. */
  #allowance(): number {
    return this.#tried < MAX_TRIED_IN_ALL ? MAX_TRIED : MAX_COMPARED
  }

  #matchWith(stretch: Stretch, at: number, place: Place<S>, taken: number): Match<S> | undefined {
    const { bytes, from, to } = stretch
    const { source, at: known } = place
    const most = Math.min(to - at, source.to - known)
    let behind = 0
    while (behind < most && bytes[at + behind] === source.bytes[known + behind]) behind++
    if (behind < GRAM || at + behind <= taken) return undefined
    // back to where a window begins that ends behind what was taken
    const least = Math.min(at - Math.max(from, taken - WINDOW + 1), known - source.from)
    let before = 0
    while (before < least && bytes[at - before - 1] === source.bytes[known - before - 1]) before++
    const length = before + behind
    return length < WINDOW ? undefined : { source, sourceAt: known - before, at: at - before, length }
  }
}
