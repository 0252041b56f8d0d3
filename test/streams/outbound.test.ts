import t from 'tap'
import { encodeClear, MAGIC } from '../../src/streams/header.ts'
import { chunkFrameCap } from '../../src/streams/inbound.ts'
import { outbound, sealed } from '../../src/streams/outbound.ts'
import type { Frame } from '../../src/streams/types.ts'
import { unframe } from '../../src/streams/unframe.ts'
import { SUITES } from '../../src/workers/construction.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { C, collect, cut, join, LENGTHS, pattern, print, STEPS, streamKey } from '../fixtures/bytes.ts'
import { countingPool } from '../fixtures/pools.ts'

const header: Frame = {
  type: 'STRM',
  body: [
    encodeClear({
      suite: 'aes-256-gcm',
      chunkSize: C,
      variable: false,
      streamId: pattern(32),
      firstChunk: 0,
      stanzas: []
    }),
    pattern(32)
  ]
}

for (const suite of SUITES) {
  const key = streamKey(suite)
  const make = (pool = inlinePool()) => outbound(header, { pool, key, size: C })

  for (const len of LENGTHS) {
    for (const step of STEPS) {
      t.test(`${suite} len=${len} step=${step}`, async t => {
        const bytes = await join(make()(cut(pattern(len), step)))
        t.equal(print(bytes.subarray(0, 8)), print(MAGIC))
        const frames = await collect(unframe({ cap: chunkFrameCap(C) })([bytes.subarray(8)]))
        const chunks = Math.ceil(len / C)
        t.same(
          frames.map(({ type }) => type),
          ['STRM', ...Array(chunks).fill('RSFL'), 'FINL']
        )
        t.equal(print(frames[0]?.body), print(Buffer.concat(header.body)))
        t.equal(print(bytes), print(await join(make()([pattern(len)]))), 'the same bytes, however the source is cut')
      })
    }
  }
}

t.test('the overhead is that of SPEC §7.4: 31 bytes a chunk, 45 at the end', async t => {
  const key = streamKey()
  const run = async (len: number) =>
    (await join(outbound(header, { pool: inlinePool(), key, size: C })([pattern(len)]))).length
  const empty = await run(0)
  t.equal(empty, 8 + 2 + 4 + (45 + 32) - 1 + 45, 'magic, header with a one-byte length, FINL')
  t.equal((await run(3 * C)) - empty, 3 * (C + 31))
})

t.test('sealed gives frames, outbound their bytes', async t => {
  const frames = await collect(sealed({ pool: inlinePool(), key: streamKey(), size: C })([pattern(C + 1)]))
  t.same(
    frames.map(({ type }) => type),
    ['RSFL', 'RSFL', 'FINL']
  )
})

t.test('the window bounds the tasks under way', async t => {
  const pool = countingPool()
  await collect(sealed({ pool, key: streamKey(), size: C, inFlight: 3 })(cut(pattern(20 * C), 1000)))
  t.equal(pool.tasks.most, 3)
})
