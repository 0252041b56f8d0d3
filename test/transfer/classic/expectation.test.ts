import { createHash } from 'node:crypto'
import t from 'tap'
import { type ClassicExpectation, Tally } from '../../../src/transfer/classic/expectation.ts'
import { collect, cut, pattern } from '../../fixtures/bytes.ts'

const BYTES = pattern(250)
const sha256 = createHash('sha256').update(BYTES).digest()

async function run(expect: ClassicExpectation, bytes = BYTES) {
  const tally = new Tally(expect)
  await collect(tally.stage(cut(bytes, 100)))
  return tally.verdict()
}

t.test('M150: says what came, and whether that was expected', async t => {
  t.same(await run({}), { sha256: sha256.toString('hex'), asExpected: false })
  for (const expect of [{ sha256 }, { size: 250 }, { sha256, size: 250 }])
    t.match(await run(expect), { asExpected: true })
  t.match(await run({ size: 0 }, new Uint8Array(0)), { asExpected: true })
})

t.test('ends only as it was expected', async t => {
  const other = createHash('sha256').digest()
  for (const expect of [
    { sha256: other },
    { size: 249 },
    { size: 251 },
    { sha256: other, size: 250 },
    { sha256, size: 1 }
  ])
    await t.rejects(run(expect), { code: 'ERR_SFT_EXPECTED' })
  await t.rejects(run({}, new Uint8Array(0)), { code: 'ERR_SFT_NOT_FOUND' })
})

t.test('does not read beyond what was expected', async t => {
  let pulled = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pulled += 100
      yield pattern(100)
    }
  }
  await t.rejects(collect(new Tally({ size: 150 }).stage(endless())), { code: 'ERR_SFT_EXPECTED' })
  t.equal(pulled, 200)
})

t.test('tells of every piece', async t => {
  const told: number[] = []
  await collect(new Tally({}, bytes => told.push(bytes)).stage(cut(BYTES, 100)))
  t.same(told, [100, 100, 50])
})
