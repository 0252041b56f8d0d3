import t from 'tap'
import { flipBits } from '../fixtures/flips.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'

/** All bits of both flights with `SFT_TEST_LONG=1`; otherwise one byte in 32, so that this file cannot rot. */
t.setTimeout(3_600_000)

t.test('every bit of both flights flipped is refused, and both sides settle', { timeout: 3_600_000 }, async t => {
  const organisation = await makeOrganisation()
  const sides = { initiator: await organisation.issue('alice'), responder: await organisation.issue('bob') }
  const long = process.env.SFT_TEST_LONG === '1'
  const random = seeded()
  const all = [0, 1, 2, 3, 4, 5, 6, 7]
  const { flips, unnoticed } = await flipBits(sides, () => (long || random.int(32) === 0 ? all : []))
  t.comment(`${flips} flips, SFT_SEED=${random.seed}`)
  t.ok(flips > (long ? 50_000 : 500), 'enough were tried')
  t.strictSame(unnoticed, [])
})
