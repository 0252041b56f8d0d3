import t from 'tap'
import { placesOf } from '../../../src/proof/run/replayed-pipe.ts'
import { dissectedOf } from '../../fixtures/dissected-bytes.ts'
import { wholeStream } from '../../fixtures/whole-stream.ts'

const MAGIC_BYTES = 8

t.test('M181: every place of a stream, and the code of whoever finds a byte of it altered', async t => {
  const { bytes, attempt } = await wholeStream()
  t.equal(await attempt([bytes]), 'ok')
  const places = placesOf(dissectedOf({ protocol: 'sft pipe', up: bytes, skip: MAGIC_BYTES }))
  t.equal(places.length, 9)
  for (const { name, at, code } of places) {
    const altered = Buffer.from(bytes)
    altered[at] = (altered[at] as number) ^ 1
    t.equal(await attempt([altered]), code, name)
  }
})

t.test('what is no whole pipe has none', t => {
  t.same(placesOf(dissectedOf({})), [])
  t.end()
})
