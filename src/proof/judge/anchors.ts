/**
 * Places in bytes by which equal windows are found (winnowing: Schleimer, Wilkerson and Aiken, SIGMOD 2003). Of each window of 16 bytes the place is an anchor whose six bytes
 * have the least hash, the last of them if there are several: it depends on nothing but the window, so wherever the window stands it has the same one. About every sixth byte of
 * random bytes is an anchor, and nothing else has to be looked up.
 */

/** Bytes in a row that count (M174, M176). */
export const WINDOW = 16
/** Bytes that are hashed, and how many places for them a window has. */
export const GRAM = 6
export const GRAMS = WINDOW - GRAM + 1
/** A power of two that has room for them. */
const RING = 16

/** Called with an anchor and its hash; says where to begin anew, or 0 to go on. */
export type Visit = (at: number, hash: number) => number

/** Every anchor of `bytes` from `from` to `to`, in order. */
export function eachAnchor(bytes: Uint8Array, from: number, to: number, visit: Visit): void {
  for (let start = from; to - start >= WINDOW; ) start = anchorsFrom(bytes, start, to, visit)
}

function anchorsFrom(bytes: Uint8Array, from: number, to: number, visit: Visit): number {
  const ring = new Int32Array(RING)
  let low = word(bytes, from)
  let high = (bytes[from + 4] as number) | ((bytes[from + 5] as number) << 8)
  let least = 0
  let leastAt = -1
  const full = from + GRAMS - 1
  for (let at = from; at + GRAM <= to; at++) {
    const hash = hashOf(low, high)
    ring[at & (RING - 1)] = hash
    let isNew = at === full
    if (leastAt < 0 || hash <= least) {
      least = hash
      leastAt = at
      isNew = true
    } else if (leastAt <= at - GRAMS) {
      leastAt = leastOf(ring, at)
      least = ring[leastAt & (RING - 1)] as number
      isNew = true
    }
    if (isNew && at >= full) {
      const next = visit(leastAt, least)
      if (next > 0) return next
    }
    low = (low >>> 8) | (high << 24)
    high = (high >>> 8) | ((bytes[at + GRAM] as number) << 8)
  }
  return to
}

function leastOf(ring: Int32Array, at: number): number {
  let leastAt = at
  for (let i = at - 1; i > at - GRAMS; i--)
    if ((ring[i & (RING - 1)] as number) < (ring[leastAt & (RING - 1)] as number)) leastAt = i
  return leastAt
}

/** Four bytes as a number. */
export const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24)

function hashOf(low: number, high: number): number {
  const mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high + 0x7f4a7c15, 0x85ebca6b)
  const again = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return again ^ (again >>> 13)
}
