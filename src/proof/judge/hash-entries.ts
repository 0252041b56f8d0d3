import { getRandomValues } from 'node:crypto'
import { word } from './anchors.ts'

/** An entry is a hash, what it stands for (32 bits), and the number of the entry before it with the same slot. */
const HASH = 0
const VALUE = 1
const BEFORE = 2
const WORDS = 3

/** What stands for bytes, by their hash: any number for each, the newest first. Memory: 12 bytes for each, and 4 to 8 for each that was expected. */
export class HashEntries {
  /** Number of the newest entry of each slot, 0 for none. */
  readonly #slots: Int32Array
  /** Made of chance, so that nobody can make bytes that all have one slot. */
  readonly #seeds = getRandomValues(new Int32Array(4))
  #entries: Int32Array
  #count = 1

  constructor(expected: number) {
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(expected)))
    this.#entries = new Int32Array(expected * WORDS)
  }

  enter(hash: number, value: number): void {
    const entry = this.#count * WORDS
    if (entry + WORDS > this.#entries.length) this.#grow()
    const slot = this.#slotOf(hash)
    this.#entries[entry + HASH] = hash
    this.#entries[entry + VALUE] = value
    this.#entries[entry + BEFORE] = this.#slots[slot] as number
    this.#slots[slot] = this.#count++
  }

  /** The newest entry of a hash; 0 for none. */
  newest(hash: number): number {
    return this.#sameFrom(this.#slots[this.#slotOf(hash)] as number, hash)
  }

  /** The one before it, of the same hash. */
  before(entry: number): number {
    return this.#sameFrom(this.#at(entry, BEFORE), this.#at(entry, HASH))
  }

  /** From 0 to 2³² − 1. */
  value(entry: number): number {
    return this.#at(entry, VALUE) >>> 0
  }

  /** The hash of 4 to 16 bytes, which nobody can make others for. */
  hashOf(bytes: Uint8Array, at: number, size: number): number {
    let hash = size
    for (let i = 0; i < 4; i++) {
      const four = word(bytes, at + Math.min(4 * i, size - 4))
      hash = Math.imul(hash ^ four ^ (this.#seeds[i] as number), 0x9e3779b1)
      hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
      hash ^= hash >>> 13
    }
    return hash
  }

  #sameFrom(entry: number, hash: number): number {
    let same = entry
    while (same !== 0 && this.#at(same, HASH) !== hash) same = this.#at(same, BEFORE)
    return same
  }

  #at(entry: number, part: number): number {
    return this.#entries[entry * WORDS + part] as number
  }

  #slotOf(hash: number): number {
    // the upper bits of a product with an odd number depend on all of the hash
    return Math.imul(hash, (this.#seeds[0] as number) | 1) >>> (Math.clz32(this.#slots.length) + 1)
  }

  #grow(): void {
    const grown = new Int32Array(Math.ceil((this.#entries.length * 3) / 2))
    grown.set(this.#entries)
    this.#entries = grown
  }
}
