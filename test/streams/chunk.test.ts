import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { chunk } from '../../src/streams/chunk.ts'
import { C, collect, cut, join, LENGTHS, pattern, print, STEPS } from '../fixtures/bytes.ts'

for (const len of LENGTHS) {
  for (const step of STEPS) {
    t.test(`len=${len} step=${step}`, async t => {
      const chunks = await collect(chunk({ size: C })(cut(pattern(len), step)))
      t.equal(print(Buffer.concat(chunks)), print(pattern(len)))
      t.equal(chunks.length, Math.ceil(len / C))
      t.ok(chunks.slice(0, -1).every(each => each.byteLength === C))
      t.ok(chunks.every(each => each.buffer.byteLength === each.byteLength && each.byteLength > 0))
    })
  }
}

t.test('one piece of many chunks', async t => {
  const chunks = await collect(chunk({ size: C })([pattern(5 * C + 3)]))
  t.same(
    chunks.map(each => each.byteLength),
    [C, C, C, C, C, 3]
  )
})

t.test('the default is 1 MiB', async t => {
  const sizes = (await collect(chunk()([pattern(2 ** 20 + 1)]))).map(each => each.byteLength)
  t.same(sizes, [2 ** 20, 1])
})

t.test('a size that is no power of two from 16 KiB to 1 MiB is refused at construction', t => {
  for (const size of [0, 1, C - 1, C + 1, 2 ** 13, 2 ** 21, 1.5, Number.NaN]) {
    t.throws(() => chunk({ size }), { code: 'ERR_SFT_USAGE' })
  }
  t.end()
})

t.test('a borrowed piece is copied; an owned one that is exactly a chunk passes as it is', async t => {
  const piece = pattern(C)
  const [copied] = await collect(chunk({ size: C })([piece]))
  t.not(copied?.buffer, piece.buffer)
  const [passed] = await collect(chunk({ size: C, owned: true })([piece]))
  t.equal(passed, piece)
  const larger = pattern(C + 1).subarray(0, C)
  const [cutOut] = await collect(chunk({ size: C, owned: true })([larger]))
  t.not(cutOut?.buffer, larger.buffer, 'a part of a larger buffer')
  const [, second] = await collect(chunk({ size: C, owned: true })([pattern(1), piece]))
  t.equal(second?.byteLength, 1, 'not in step with the chunks')
})

t.test('idle: what is there passes on once while the source waits, and only then', async t => {
  const gate = Promise.withResolvers<void>()
  async function* source(): AsyncGenerator<Uint8Array> {
    yield pattern(10)
    yield pattern(20)
    await gate.promise
    yield pattern(2 * C)
  }
  const chunks = chunk({ size: C, idle: 20 })(source())
  t.equal((await chunks.next()).value?.byteLength, 30, 'both pieces, without more input')
  const next = chunks.next()
  t.equal(await Promise.race([next, sleep(60, 'nothing')]), 'nothing', 'an idle source gives no empty chunk')
  gate.resolve()
  t.equal((await next).value?.byteLength, C)
  t.equal((await chunks.next()).value?.byteLength, C)
  t.ok((await chunks.next()).done)
})

t.test('idle: a busy source gives full chunks', async t => {
  const sizes = (await collect(chunk({ size: C, idle: 1000 })(cut(pattern(3 * C + 1), 1000)))).map(
    each => each.byteLength
  )
  t.same(sizes, [C, C, C, 1])
})

t.test('idle: an error of a source that was waited for passes through', async t => {
  const error = new Error('late')
  async function* source(): AsyncGenerator<Uint8Array> {
    yield pattern(1)
    await sleep(50)
    throw error
  }
  t.equal(await join(chunk({ size: C, idle: 10 })(source())).catch((reason: unknown) => reason), error)
})
