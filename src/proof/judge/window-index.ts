import { getRandomValues } from 'node:crypto'
import { countBefore } from '../bisect.ts'
import { eachAnchor, GRAM, GRAMS, WINDOW, word } from './anchors.ts'

/**
 * Finds where 16 bytes in a row of some bytes stand in others. Beside the bytes themselves it takes about 3 bytes of memory for each that is indexed: 210 MiB for 64 MiB.
 *
 * An anchor is found by its six bytes. Where many stand with different bytes around them, the next are found by eleven instead, the anchor and five on either side of it, one of
 * which every window with it has; and where these are many as well, by whole windows, each content once. So nothing is ever looked for among more than a few, whatever the bytes
 * are made of, and nothing is left out. What is made for it takes up to 12 bytes for each window.
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

/** An entry is a hash, a place (or MANY), and the number of the entry before it with the same slot. */
const HASH = 0
const PLACE = 1
const BEFORE = 2
const WORDS = 3
/** Bytes for each anchor of random ones. */
const SPACING = (GRAMS + 1) / 2
const FILTER_BITS = 8
/** Entries of one hash, but for whole windows. */
const MAX_ENTRIES = 8
/** In the stead of a place: what else has this hash is found by more bytes. */
const MANY = 0xffffffff
const STEP = (WINDOW - GRAM) / 2
/** Where the longer ones begin, from a place on, that are found in its stead, by its size: every window with it has one of them. */
const LONGER: Readonly<Record<number, readonly number[]>> = {
  [GRAM]: [-STEP, 0],
  [GRAM + STEP]: [-5, -4, -3, -2, -1, 0]
}

export class WindowIndex<S extends Stretch> {
  readonly #sources: S[] = []
  /** Number of the first byte of each source; all sources one behind the other have places. */
  readonly #bases: number[] = []
  #bytes = 0
  /** A bit for each hash: most places that hold nothing fail at this small table, and the large ones are not asked. */
  readonly #filter: Int32Array
  /** Number of the newest entry of each slot, 0 for none. */
  readonly #slots: Int32Array
  /** Made of chance, so that nobody can make bytes that all have one slot. */
  readonly #seeds = getRandomValues(new Int32Array(4))
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
      this.#enter(source, at, GRAM, hash)
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
        this.#enter(source, at, GRAM, hash)
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

  /** Enters `size` bytes of the newest source: an anchor, or more around it. */
  #enter(source: S, at: number, size: number, hash: number): void {
    const entries = this.#entriesBeside(source, at, size, hash)
    if (entries < 0) return
    if (size === GRAM) this.#mark(hash)
    if (entries < MAX_ENTRIES || size === WINDOW)
      this.#enterOne(hash, (this.#bases.at(-1) as number) + at - source.from)
    else {
      if (entries === MAX_ENTRIES) this.#enterOne(hash, MANY)
      this.#enterLonger(source, at, size)
    }
  }

  /** How many others have the hash, more than may be if they are MANY; −1 if one of them is the same, with all around it. */
  #entriesBeside(source: S, at: number, size: number, hash: number): number {
    let entries = 0
    for (let entry = this.#newest(hash); entry !== 0; entry = this.#before(entry)) {
      if (this.#entries[entry * WORDS + HASH] !== hash) continue
      const isMany = this.#placeIn(entry) === MANY
      if (isMany && size < WINDOW) return MAX_ENTRIES + 1
      if (!isMany && isSameAround(source, at, size, this.#placeOf(entry))) return -1
      entries++
    }
    return entries
  }

  #mark(hash: number): void {
    const bit = hash & (this.#filter.length * 32 - 1)
    this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] as number) | (1 << (bit & 31))
  }

  #enterLonger(source: S, at: number, size: number): void {
    for (const start of longerAt(source, at, size)) {
      const longer = size + STEP
      this.#enter(source, start, longer, this.#hashOf(source.bytes, start, longer))
    }
  }

  #enterOne(hash: number, place: number): void {
    const entry = this.#count * WORDS
    if (entry + WORDS > this.#entries.length) this.#grow()
    this.#entries[entry + HASH] = hash
    this.#entries[entry + PLACE] = place
    this.#entries[entry + BEFORE] = this.#newest(hash)
    this.#slots[this.#slotOf(hash)] = this.#count++
  }

  #grow(): void {
    const grown = new Int32Array(Math.ceil((this.#entries.length * 3) / 2))
    grown.set(this.#entries)
    this.#entries = grown
  }

  /** Of more bytes than an anchor has. */
  #hashOf(bytes: Uint8Array, at: number, size: number): number {
    let hash = size
    for (let i = 0; i < 4; i++) {
      const four = word(bytes, at + Math.min(4 * i, size - 4))
      hash = Math.imul(hash ^ four ^ (this.#seeds[i] as number), 0x9e3779b1)
      hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
      hash ^= hash >>> 13
    }
    return hash
  }

  #slotOf(hash: number): number {
    // the upper bits of a product with an odd number depend on all of the hash
    return Math.imul(hash, (this.#seeds[0] as number) | 1) >>> (Math.clz32(this.#slots.length) + 1)
  }

  #newest(hash: number): number {
    return this.#slots[this.#slotOf(hash)] as number
  }

  #before(entry: number): number {
    return this.#entries[entry * WORDS + BEFORE] as number
  }

  #placeIn(entry: number): number {
    return (this.#entries[entry * WORDS + PLACE] as number) >>> 0
  }

  #placeOf(entry: number): Place<S> {
    const place = this.#placeIn(entry)
    const found = countBefore(this.#bases.length, index => (this.#bases[index] as number) <= place) - 1
    const source = this.#sources[found] as S
    return { source, at: source.from + place - (this.#bases[found] as number) }
  }

  /** The longest match with the anchor at `at` of those that are entered and go beyond `taken`, which the one before it ended at. */
  #matchAt(stretch: Stretch, at: number, hash: number, taken: number): Match<S> | undefined {
    const bit = hash & (this.#filter.length * 32 - 1)
    const isThere = ((this.#filter[bit >>> 5] as number) >>> (bit & 31)) & 1
    return isThere ? this.#longest(stretch, at, GRAM, hash, taken) : undefined
  }

  #longest(stretch: Stretch, at: number, size: number, hash: number, taken: number): Match<S> | undefined {
    let best: Match<S> | undefined
    for (let entry = this.#newest(hash); entry !== 0; entry = this.#before(entry)) {
      if (this.#entries[entry * WORDS + HASH] !== hash) continue
      if (this.#placeIn(entry) !== MANY) best = longer(best, this.#matchWith(stretch, at, this.#placeOf(entry), taken))
      else if (size < WINDOW) best = longer(best, this.#longestOfLonger(stretch, at, size, taken))
    }
    return best
  }

  #longestOfLonger(stretch: Stretch, at: number, size: number, taken: number): Match<S> | undefined {
    let best: Match<S> | undefined
    for (const start of longerAt(stretch, at, size)) {
      const hash = this.#hashOf(stretch.bytes, start, size + STEP)
      best = longer(best, this.#longest(stretch, start, size + STEP, hash, taken))
    }
    return best
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

/** Where what is longer than the `size` bytes at `at` begins. */
function longerAt({ from, to }: Stretch, at: number, size: number): number[] {
  const starts: number[] = []
  for (const by of LONGER[size] as readonly number[])
    if (at + by >= from && at + by + size + STEP <= to) starts.push(at + by)
  return starts
}

function longer<S extends Stretch>(one: Match<S> | undefined, other: Match<S> | undefined): Match<S> | undefined {
  return one === undefined || (other && other.length > one.length) ? other : one
}

/** Whether `size` bytes stand in `known` with all around them that a window with them can hold. */
function isSameAround({ bytes, from, to }: Stretch, at: number, size: number, known: Place<Stretch>): boolean {
  const ahead = WINDOW - size
  if (at - ahead < from || at + WINDOW > to) return false
  if (known.at - ahead < known.source.from || known.at + WINDOW > known.source.to) return false
  let i = -ahead
  while (i < WINDOW && bytes[at + i] === known.source.bytes[known.at + i]) i++
  return i === WINDOW
}
