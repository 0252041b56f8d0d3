/** The arithmetic of the tests of randomness. */

const VALUES = 256

export function histogramOf(bytes: Uint8Array, into: Float64Array = new Float64Array(VALUES)): Float64Array {
  for (let i = 0; i < bytes.byteLength; i++) (into[bytes[i] as number] as number)++
  return into
}

/** Bits a byte of what a histogram of `total` bytes counts. */
export function entropyOf(histogram: Float64Array, total: number): number {
  let entropy = 0
  for (const n of histogram) if (n > 0) entropy -= (n / total) * Math.log2(n / total)
  return entropy
}

/** Bits a byte that the entropy of `total` random bytes has on average: the fewer they are, the farther below 8. */
export function expectedEntropy(total: number): number {
  if (total === 0) return 0
  // Miller (1955): the next term is of the order of (256 / total)²
  if (total > 1e6) return 8 - (VALUES - 1) / (2 * total * Math.LN2)
  let entropy = 0
  // how often one value stands in them is binomial
  let logChance = total * Math.log1p(-1 / VALUES)
  const most = Math.min(total, total / VALUES + 40 * Math.sqrt(total / VALUES) + 40)
  for (let n = 1; n <= most; n++) {
    logChance += Math.log(total - n + 1) - Math.log(n) - Math.log(VALUES - 1)
    entropy -= Math.exp(logChance) * (n / total) * Math.log2(n / total)
  }
  return VALUES * entropy
}

/** Pearson's statistic for cells that are all as likely. */
export function chiSquare(counts: Float64Array, total: number): number {
  const expected = total / counts.length
  let statistic = 0
  for (const n of counts) statistic += (n - expected) ** 2 / expected
  return statistic
}

/** The likelihood-ratio statistic of a histogram, which is its lack of entropy, with the correction of Williams (1976). */
export function lackOfEntropy(histogram: Float64Array, total: number): number {
  const statistic = 2 * total * Math.LN2 * (Math.log2(histogram.length) - entropyOf(histogram, total))
  return statistic / (1 + (histogram.length + 1) / (6 * total))
}

/** The chance that chi-square of `freedom` degrees is below and above `value` (regularised incomplete gamma function: DLMF 8.7.1 and 8.9.2). */
export function chiSquareTails(value: number, freedom: number): { below: number; above: number } {
  const [a, x] = [freedom / 2, value / 2]
  if (x <= 0) return { below: 0, above: 1 }
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    const below = front * series(a, x)
    return { below, above: 1 - below }
  }
  const above = front * fraction(a, x)
  return { below: 1 - above, above }
}

const PRECISION = 1e-14
const MAX_TERMS = 100_000

function series(a: number, x: number): number {
  let term = 1 / a
  let total = term
  for (let n = 1; n < MAX_TERMS && term > total * PRECISION; n++) {
    term *= x / (a + n)
    total += term
  }
  return total
}

/** Lentz's method. */
function fraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = Number.MAX_VALUE
  let d = 1 / b
  let value = d
  for (let n = 1; n < MAX_TERMS; n++) {
    const factor = -n * (n - a)
    b += 2
    d = 1 / (factor * d + b)
    c = b + factor / c
    value *= c * d
    if (Math.abs(c * d - 1) < PRECISION) break
  }
  return value
}

/** Stirling's series (DLMF 5.11.1), good to 1e-12 from 10 on; smaller ones are led there. */
function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x)
  const square = x * x
  return (
    (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + (1 / 12 - (1 / 360 - 1 / (1260 * square)) / square) / x
  )
}

/** More than the chance that of `trials`, each a hit 1 in `one`, at least `hits` are (for more than are expected): Chernoff's bound. */
export function atLeastBound(hits: number, trials: number, one: number): number {
  const [share, chance] = [hits / trials, 1 / one]
  if (share <= chance) return 1
  if (share === 1) return chance ** trials
  const distance = share * Math.log(share / chance) + (1 - share) * Math.log((1 - share) / (1 - chance))
  return Math.exp(-trials * distance)
}
