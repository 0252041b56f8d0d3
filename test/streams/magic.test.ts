import t from 'tap'
import { MAGIC } from '../../src/streams/header.ts'
import { stripMagic } from '../../src/streams/magic.ts'
import { collect, cut, join, pattern, print } from '../fixtures/bytes.ts'

const stream = Buffer.concat([MAGIC, pattern(1000)])

t.test('the 8 bytes of SPEC §3', t => {
  t.equal(print(MAGIC), '895346540d0a1a0a')
  t.end()
})

for (const step of [1, 3, 7, 8, 9, 1000, 2000]) {
  t.test(`step=${step}`, async t => {
    t.equal(print(await join(stripMagic()(cut(stream, step)))), print(pattern(1000)))
  })
}

t.test('only the magic: nothing flows out', async t => {
  t.same(await collect(stripMagic()([MAGIC])), [])
})

t.test('a wrong byte anywhere is no stream, as soon as it is seen', async t => {
  for (let at = 0; at < MAGIC.byteLength; at++) {
    const bytes = Uint8Array.from(stream)
    bytes[at] = (bytes[at] ?? 0) ^ 0x20
    for (const step of [1, 5, 1000]) {
      await t.rejects(collect(stripMagic()(cut(bytes, step))), { code: 'ERR_SFT_MAGIC' }, `byte ${at} step=${step}`)
    }
    await t.rejects(collect(stripMagic()([bytes.subarray(0, at + 1)])), { code: 'ERR_SFT_MAGIC' }, 'and nothing more')
  }
})

t.test('line ends or a top bit that were changed on the way are seen', async t => {
  const asText = [stream.toString('latin1').replace('\r\n', '\n'), stream.toString('utf8'), stream.toString('ascii')]
  for (const text of asText) {
    await t.rejects(collect(stripMagic()([Buffer.from(text)])), { code: 'ERR_SFT_MAGIC' })
  }
})

t.test('an end inside the magic is truncation', async t => {
  for (let size = 0; size < MAGIC.byteLength; size++) {
    await t.rejects(collect(stripMagic()([MAGIC.subarray(0, size)])), { code: 'ERR_SFT_TRUNCATED' }, `${size} bytes`)
  }
})
