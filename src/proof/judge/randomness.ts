import type { Claim, Dissected } from '../model.ts'
import { count, Findings } from './claim.ts'
import { type Sealed, sealedOf, sent, sidesOf, sizeOf, sum } from './parts.ts'
import { atLeastBound, chiSquare, chiSquareTails, entropyOf, expectedEntropy, lackOfEntropy } from './statistics.ts'

/**
 * The claim `randomness`: what is sealed, against what as many random bytes would be. All tests together raise a false alarm once in 10^9 captures (M175): each has its share of
 * that, and a tenth of it only, for what the distribution of chi-square is off in its tail at 16 expected in a cell.
 */

const FALSE_ALARM = 1e-9
const MARGIN = 10
/** Counts that a cell must expect. */
const LEAST_EXPECTED = 16
const VALUES = 256
const BLOCK = 16
const LEAST_BYTES = VALUES * LEAST_EXPECTED
/** Distances at which bytes are compared, and how much of a flow. */
const DISTANCES = [...Array.from({ length: 16 }, (_, at) => at + 1), 32, 64, 128, 256]
const MAX_COMPARED = 4 << 20
const MAX_PAIRED = 64 << 20
/** An RSA ciphertext is a number below the modulus, so its first bytes are not random; from the third on they are, to 1 in 2^16. */
const RSA_BIASED = 2

/** Some sealed parts that are tested together. */
interface Sample {
  readonly name: string
  readonly parts: readonly Sealed[]
  readonly bytes: number
}

interface Test {
  readonly text: string
  /** The chance that random bytes are this far off, to either side. */
  readonly chance: number
}

export function judgeRandomness(all: readonly Dissected[]): Claim {
  const findings = new Findings()
  const samples = sidesOf(all)
    .map(side => sampleOf(sent(side), sealedOf(side).map(withoutBias)))
    .filter(({ bytes }) => bytes > 0)
  const short = samples.filter(({ bytes }) => bytes < LEAST_BYTES)
  const rest = sampleOf(
    `${count(short.length, 'flow')} that are short, together`,
    short.flatMap(({ parts }) => parts)
  )
  const tested = [...samples, rest].filter(({ bytes }) => bytes >= LEAST_BYTES)
  const results = tested.map(sample => ({ sample, tests: testsOf(sample) }))
  const allowed = FALSE_ALARM / MARGIN / Math.max(1, sum(results.map(({ tests }) => tests.length)))
  for (const { sample, tests } of results) {
    const failed = tests.filter(({ chance }) => chance < allowed)
    const text = (some: readonly Test[]): string => some.map(each => each.text).join('; ')
    const head = `${sample.name}, ${count(sample.bytes, 'sealed byte')}`
    if (failed.length > 0) findings.fault(`${head}: not random: ${text(failed)}.`, packetsOf(sample))
    else findings.note(`${head}: ${text(tests)}.`)
  }
  if (tested.length === 0)
    findings.doubt(`No flow has the ${LEAST_BYTES.toLocaleString('en-US')} sealed bytes that a test takes.`)
  else findings.note(threshold(allowed))
  if (short.length > 0 && rest.bytes < LEAST_BYTES)
    findings.note(`${count(short.length, 'flow')} with ${count(rest.bytes, 'sealed byte')} too short to be tested.`)
  if (all.some(({ protocol }) => protocol === 'classic'))
    findings.note(`The first ${RSA_BIASED} bytes of RSA blocks are left out: a block is below its modulus.`)
  return findings.claim('randomness')
}

const threshold = (allowed: number): string =>
  `A test fails below p = ${allowed.toExponential(1)}, so random bytes fail any of them once in 10^9 captures at most.`

const sampleOf = (name: string, parts: readonly Sealed[]): Sample => ({
  name,
  parts,
  bytes: sizeOf(parts)
})

function withoutBias(part: Sealed): Sealed {
  return part.side.of.protocol === 'classic' ? { ...part, from: Math.min(part.to, part.from + RSA_BIASED) } : part
}

const packetsOf = ({ parts }: Sample): number[] =>
  parts.slice(0, BLOCK).map(({ side, from }) => side.flow.packetAt(from))

function testsOf(sample: Sample): Test[] {
  const places = countsByPlace(sample)
  const histogram = new Float64Array(VALUES)
  for (const [at, n] of places.entries()) (histogram[at % VALUES] as number) += n
  const value = chiSquare(histogram, sample.bytes)
  const [own, expected] = [entropyOf(histogram, sample.bytes), expectedEntropy(sample.bytes)]
  const tests = [
    square('chi-square of bytes', value, VALUES - 1),
    {
      text: `entropy ${own.toFixed(6)} bits a byte, ${expected.toFixed(6)} expected`,
      chance: twoSided(lackOfEntropy(histogram, sample.bytes), VALUES - 1)
    },
    repeats(sample)
  ]
  if (sample.bytes >= LEAST_BYTES * BLOCK) tests.push(byPlace(places))
  if (sample.bytes >= 2 * VALUES * LEAST_BYTES) tests.push(pairs(sample))
  return tests
}

const twoSided = (statistic: number, freedom: number): number => {
  const { below, above } = chiSquareTails(statistic, freedom)
  return Math.min(1, 2 * Math.min(below, above))
}

function square(name: string, statistic: number, freedom: number): Test {
  const chance = twoSided(statistic, freedom)
  return { text: `${name} ${statistic.toFixed(1)} at ${freedom} degrees, p = ${chance.toPrecision(2)}`, chance }
}

/** How often each value stands at each place of a cipher's block, counted from where the part begins. */
function countsByPlace({ parts }: Sample): Float64Array {
  const counts = new Float64Array(BLOCK * VALUES)
  for (const { bytes, from, to } of parts)
    for (let at = from, place = 0; at < to; at++, place = (place + VALUES) % (BLOCK * VALUES))
      (counts[place + (bytes[at] as number)] as number)++
  return counts
}

function byPlace(counts: Float64Array): Test {
  let statistic = 0
  let freedom = 0
  for (let place = 0; place < BLOCK; place++) {
    const own = counts.subarray(place * VALUES, (place + 1) * VALUES)
    statistic += chiSquare(own, sum(own))
    freedom += VALUES - 1
  }
  return square(`chi-square by the place in a block of ${BLOCK}`, statistic, freedom)
}

function pairs({ parts }: Sample): Test {
  const counts = new Float64Array(VALUES * VALUES)
  let total = 0
  for (const { bytes, from, to } of parts)
    for (let at = from; at + 1 < to && total < MAX_PAIRED; at += 2, total++)
      (counts[((bytes[at] as number) << 8) | (bytes[at + 1] as number)] as number)++
  return square('chi-square of pairs', chiSquare(counts, total), counts.length - 1)
}

/** How often a byte is the one a fixed distance before it: for one distance these are independent of each other. */
function repeats({ parts }: Sample): Test {
  const all = DISTANCES.map(distance => repeatsAt(parts, distance))
  const { distance, hits, trials, chance } = all.reduce((least, each) => (each.chance < least.chance ? each : least))
  const share = trials === 0 ? 0 : (100 * hits) / trials
  const most = Math.min(1, DISTANCES.length * chance)
  return {
    text: `bytes like the one ${distance} before ${share.toFixed(3)} %, ${(100 / VALUES).toFixed(3)} % expected, p ≤ ${most.toPrecision(2)}`,
    chance: most
  }
}

function repeatsAt(parts: readonly Sealed[], distance: number) {
  let [hits, trials] = [0, 0]
  for (const { bytes, from, to } of parts) {
    for (let at = from + distance; at < to; at++) if (bytes[at] === bytes[at - distance]) hits++
    trials += Math.max(0, to - from - distance)
    if (trials > MAX_COMPARED) break
  }
  return { distance, hits, trials, chance: trials === 0 ? 1 : atLeastBound(hits, trials, VALUES) }
}
