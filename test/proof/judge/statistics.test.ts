import { randomBytes } from 'node:crypto'
import t from 'tap'
import * as statistics from '../../../src/proof/judge/statistics.ts'

const { chiSquareTails, expectedEntropy, entropyOf, histogramOf, chiSquare, lackOfEntropy, atLeastBound } = statistics

t.test('tails of chi-square, against a table', t => {
  const near = (actual: number, expected: number) =>
    t.ok(Math.abs(actual / expected - 1) < 1e-3, `${actual} ${expected}`)
  near(chiSquareTails(3.841459, 1).above, 0.05)
  near(chiSquareTails(18.307038, 10).above, 0.05)
  near(chiSquareTails(3.940299, 10).below, 0.05)
  near(chiSquareTails(124.342113, 100).above, 0.05)
  near(chiSquareTails(149.449253, 100).above, 0.001)
  near(chiSquareTails(67.327563, 100).below, 0.005)
  // of two degrees it is exp(-x / 2)
  for (const x of [0.5, 3, 50, 400]) near(chiSquareTails(x, 2).above, Math.exp(-x / 2))
  // of four (1 + x / 2) exp(-x / 2)
  for (const x of [1, 10, 60]) near(chiSquareTails(x, 4).above, (1 + x / 2) * Math.exp(-x / 2))
  t.same(chiSquareTails(0, 255), { below: 0, above: 1 })
  for (const value of [100, 255, 500]) {
    const { below, above } = chiSquareTails(value, 255)
    near(below + above, 1)
  }
  t.end()
})

t.test('the entropy that random bytes have', t => {
  t.equal(expectedEntropy(0), 0)
  t.ok(Math.abs(expectedEntropy(1)) < 1e-9)
  // two bytes are the same once in 256
  t.ok(Math.abs(expectedEntropy(2) - 255 / 256) < 1e-9)
  t.ok(Math.abs(expectedEntropy(1e6) - expectedEntropy(1e6 + 1)) < 1e-6, 'where the formula changes')
  for (const length of [100, 5000]) {
    const turns = 4000
    let total = 0
    for (let i = 0; i < turns; i++) total += entropyOf(histogramOf(randomBytes(length)), length)
    t.ok(Math.abs(total / turns - expectedEntropy(length)) < 0.02, `${total / turns} ${expectedEntropy(length)}`)
  }
  t.end()
})

t.test('random bytes are as far off as they must be, at the fewest bytes that are tested', t => {
  const turns = 20_000
  const low = { square: 0, entropy: 0 }
  const high = { square: 0, entropy: 0 }
  for (let i = 0; i < turns; i++) {
    const histogram = histogramOf(randomBytes(4096))
    const square = chiSquareTails(chiSquare(histogram, 4096), 255)
    const entropy = chiSquareTails(lackOfEntropy(histogram, 4096), 255)
    if (square.above < 0.01) high.square++
    if (square.below < 0.01) low.square++
    if (entropy.above < 0.01) high.entropy++
    if (entropy.below < 0.01) low.entropy++
  }
  // 200 are expected; 120 to 290 is more than five standard deviations
  for (const found of [low.square, low.entropy, high.square, high.entropy])
    t.ok(found > 120 && found < 290, `${found} of ${turns}`)
  t.end()
})

t.test('the bound of hits is above what is exact', t => {
  t.equal(atLeastBound(1, 256, 256), 1)
  t.equal(atLeastBound(3, 3, 256), 256 ** -3)
  // two of two hundred: 1 - (255/256)^200 - 200/256 (255/256)^199
  const exact = 1 - (255 / 256) ** 200 - (200 / 256) * (255 / 256) ** 199
  t.ok(atLeastBound(2, 200, 256) > exact)
  t.ok(atLeastBound(30, 200, 256) < 1e-9)
  t.end()
})
