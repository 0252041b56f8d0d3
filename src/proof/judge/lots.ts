import { type Match, type Stretch, WindowIndex } from './window-index.ts'

/** Compares bytes with each other that are too many to be indexed at once: in lots, each of which what comes after it is looked up in. A lot takes 210 MiB. */

/** Bytes that are indexed together. */
export const LOT = 64 << 20

interface Parts<T, S extends Stretch> {
  sizeOf(part: T): number
  /** Made when its turn comes, so that only those of a lot are held. */
  stretchOf(part: T): S
}

/** Calls `found` for what every 16 bytes in a row have in common, of any two places in all parts. */
export function compareInLots<T, S extends Stretch>(
  parts: readonly T[],
  { sizeOf, stretchOf }: Parts<T, S>,
  found: (match: Match<S>, stretch: S) => void
): void {
  for (let from = 0; from < parts.length; ) {
    let [to, held] = [from, 0]
    while (to < parts.length && (to === from || held < LOT)) held += sizeOf(parts[to++] as T)
    const index = new WindowIndex<S>(held)
    for (let at = from; at < parts.length; at++) {
      const stretch = stretchOf(parts[at] as T)
      const tell = (match: Match<S>): void => found(match, stretch)
      if (at < to) index.searchAndAdd(stretch, tell)
      else index.search(stretch, tell)
    }
    from = to
  }
}
