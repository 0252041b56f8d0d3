/** Looks for many needles at once: for a few of them the search of Node is faster than any of ours, for many a pass over the bytes that knows how all of them begin. */

/** From so many on one pass takes less time. */
const MANY = 12
const PREFIX_BYTES = 4
const HASH_BITS = 18

interface Sought<T> {
  readonly bytes: Buffer
  readonly of: T
}

/** What was found, and where; whether more of it is wanted. */
export type Found<T> = (of: T, at: number) => boolean

export class NeedleIndex<T> {
  readonly #few: readonly Sought<T>[]
  readonly #many: readonly Prefixes<T>[]

  constructor(needles: readonly Sought<T>[], many = MANY) {
    const isMany = needles.length >= many
    this.#few = isMany ? [] : needles
    const sizes = isMany ? Map.groupBy(needles, ({ bytes }) => Math.min(PREFIX_BYTES, bytes.byteLength)) : new Map()
    this.#many = [...sizes].map(([size, all]) => new Prefixes<T>(size, all))
  }

  look(bytes: Buffer, found: Found<T>): void {
    for (const { bytes: needle, of } of this.#few)
      for (let at = bytes.indexOf(needle); at >= 0 && found(of, at); ) at = bytes.indexOf(needle, at + 1)
    for (const prefixes of this.#many) prefixes.look(bytes, found)
  }
}

/** Needles by their first bytes, by their length, and by all they are: however many begin alike, a place costs one look for each length. */
class Prefixes<T> {
  readonly #size: number
  readonly #isOne = new Uint8Array(1 << HASH_BITS)
  readonly #all = new Map<number, Map<number, Map<string, T[]>>>()

  constructor(size: number, needles: readonly Sought<T>[]) {
    this.#size = size
    for (const { bytes, of } of needles) {
      const prefix = bytes.readIntBE(0, size) & this.#mask
      this.#isOne[hashOf(prefix)] = 1
      const lengths = entry(this.#all, prefix, () => new Map<number, Map<string, T[]>>())
      const texts = entry(lengths, bytes.byteLength, () => new Map<string, T[]>())
      entry(texts, bytes.toString('latin1'), (): T[] => []).push(of)
    }
  }

  get #mask(): number {
    return this.#size === PREFIX_BYTES ? -1 : (1 << (8 * this.#size)) - 1
  }

  look(bytes: Buffer, found: Found<T>): void {
    const [isOne, mask, before] = [this.#isOne, this.#mask, this.#size - 1]
    let prefix = 0
    for (let at = 0; at < bytes.byteLength; at++) {
      prefix = ((prefix << 8) | (bytes[at] as number)) & mask
      if (isOne[hashOf(prefix)] !== 0 && at >= before) this.#lookAt(bytes, at - before, prefix, found)
    }
  }

  #lookAt(bytes: Buffer, at: number, prefix: number, found: Found<T>): void {
    for (const [length, texts] of this.#all.get(prefix) ?? [])
      for (const of of texts.get(bytes.toString('latin1', at, at + length)) ?? []) found(of, at)
  }
}

const hashOf = (prefix: number): number => Math.imul(prefix, 0x9e3779b1) >>> (32 - HASH_BITS)

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}
