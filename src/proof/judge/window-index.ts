import { countBefore } from '../bisect.ts'
import { eachAnchor, GRAM, GRAMS, WINDOW } from './anchors.ts'
import { HashEntries } from './hash-entries.ts'

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

/** A search under way. */
interface Sought<S extends Stretch> {
  readonly stretch: Stretch
  readonly counts: (match: Match<S>) => boolean
  /** Where the last match ended. */
  taken: number
  /** The anchor that it is at, and where to begin anew if nothing counts there: 0 to go on. */
  anchor: number
  next: number
}

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
  /** Places, or MANY. */
  readonly #entries: HashEntries

  /** @param bytes how many will be indexed, about */
  constructor(bytes: number) {
    const anchors = Math.ceil(bytes / SPACING) + 1024
    this.#filter = new Int32Array(2 ** Math.ceil(Math.log2(anchors * FILTER_BITS)) / 32)
    this.#entries = new HashEntries(anchors)
  }

  add(source: S): void {
    this.#begin(source)
    eachAnchor(source.bytes, source.from, source.to, (at, hash) => {
      this.#enter(source, at, GRAM, hash)
      return 0
    })
  }

  /**
   * Calls `found` for what stands in `stretch`, in order, each with a byte at least that none before it had.
   *
   * @param counts of bytes that repeat themselves may say false: they are no match then, and hide none that is shorter
   */
  search(stretch: Stretch, found: (match: Match<S>) => void, counts = (_match: Match<S>): boolean => true): void {
    const sought: Sought<S> = { stretch, counts, taken: stretch.from, anchor: 0, next: 0 }
    eachAnchor(stretch.bytes, stretch.from, stretch.to, (at, hash) => {
      sought.anchor = at
      sought.next = 0
      const match = this.#matchAt(sought, at, hash)
      if (match === undefined) return sought.next
      found(match)
      sought.taken = match.at + match.length
      return sought.taken - WINDOW + 1
    })
  }

  /** Searches `source` and adds it, so that it is compared with those that were added before, and each of its bytes with those before it. */
  searchAndAdd(source: S, found: (match: Match<S>) => void): void {
    this.#begin(source)
    const sought: Sought<S> = { stretch: source, counts: () => true, taken: source.from, anchor: 0, next: 0 }
    eachAnchor(source.bytes, source.from, source.to, (at, hash) => {
      const match = this.#matchAt(sought, at, hash)
      if (match === undefined) {
        this.#enter(source, at, GRAM, hash)
        return 0
      }
      found(match)
      sought.taken = match.at + match.length
      return sought.taken - WINDOW + 1
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
    if (size === WINDOW || entries < MAX_ENTRIES)
      this.#entries.enter(hash, (this.#bases.at(-1) as number) + at - source.from)
    else {
      if (Number.isFinite(entries)) this.#entries.enter(hash, MANY)
      this.#enterLonger(source, at, size)
    }
  }

  /** How many others have the hash, endless if they are MANY; −1 if one of them is the same, with all around it. */
  #entriesBeside(source: S, at: number, size: number, hash: number): number {
    let entries = 0
    let isMany = false
    for (let entry = this.#entries.newest(hash); entry !== 0; entry = this.#entries.before(entry)) {
      const place = this.#entries.value(entry)
      if (place === MANY) isMany = true
      else if (isSameAround(source, at, size, this.#placeOf(place))) return -1
      entries++
    }
    return isMany ? Number.POSITIVE_INFINITY : entries
  }

  #mark(hash: number): void {
    const bit = hash & (this.#filter.length * 32 - 1)
    this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] as number) | (1 << (bit & 31))
  }

  #enterLonger(source: S, at: number, size: number): void {
    for (const start of longerAt(source, at, size)) {
      const longer = size + STEP
      this.#enter(source, start, longer, this.#entries.hashOf(source.bytes, start, longer))
    }
  }

  #placeOf(place: number): Place<S> {
    const found = countBefore(this.#bases.length, index => (this.#bases[index] as number) <= place) - 1
    const source = this.#sources[found] as S
    return { source, at: source.from + place - (this.#bases[found] as number) }
  }

  /** The longest match with the anchor at `at` of those that are entered, count and go beyond what was taken. */
  #matchAt(sought: Sought<S>, at: number, hash: number): Match<S> | undefined {
    const bit = hash & (this.#filter.length * 32 - 1)
    const isThere = ((this.#filter[bit >>> 5] as number) >>> (bit & 31)) & 1
    return isThere ? this.#longest(sought, at, GRAM, hash) : undefined
  }

  #longest(sought: Sought<S>, at: number, size: number, hash: number): Match<S> | undefined {
    let best: Match<S> | undefined
    for (let entry = this.#entries.newest(hash); entry !== 0; entry = this.#entries.before(entry)) {
      const place = this.#entries.value(entry)
      if (place !== MANY) best = longer(best, this.#counted(sought, at, this.#placeOf(place)))
      else if (size < WINDOW) best = longer(best, this.#longestOfLonger(sought, at, size))
    }
    return best
  }

  #longestOfLonger(sought: Sought<S>, at: number, size: number): Match<S> | undefined {
    let best: Match<S> | undefined
    for (const start of longerAt(sought.stretch, at, size)) {
      const hash = this.#entries.hashOf(sought.stretch.bytes, start, size + STEP)
      best = longer(best, this.#longest(sought, start, size + STEP, hash))
    }
    return best
  }

  #counted(sought: Sought<S>, at: number, place: Place<S>): Match<S> | undefined {
    const match = matchWith(sought.stretch, at, place, sought.taken)
    if (match === undefined || sought.counts(match)) return match
    sought.next = Math.max(sought.next, behindRepetition(sought.anchor, match))
    return undefined
  }
}

function matchWith<S extends Stretch>(
  stretch: Stretch,
  at: number,
  place: Place<S>,
  taken: number
): Match<S> | undefined {
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

/** Where to begin anew if every window with the anchor is in what does not count: what is found of those behind it reaches out of it. 0 to go on. */
function behindRepetition(anchor: number, { at, length }: Match<Stretch>): number {
  const next = at + length - WINDOW + 1
  return at <= anchor - GRAMS + 1 && next > anchor ? next : 0
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
