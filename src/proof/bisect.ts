/**
 * How many of `length` things, which stand in order, come before the first for which `isBefore` is false. Time is log n.
 *
 * @param isBefore asked by number; true for the first of them, false for the rest
 */
export function countBefore(length: number, isBefore: (index: number) => boolean): number {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(middle)) low = middle + 1
    else high = middle
  }
  return low
}
