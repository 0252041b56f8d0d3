import t from 'tap'
import { limited, limitedDuplex, MIN_RATE, RateLimit } from '../../src/streams/rate-limit.ts'
import { collect, cut, join, pattern } from '../fixtures/bytes.ts'
import { duplexPair } from '../fixtures/duplex-pair.ts'

const KIB = 1024

/** Time passes while somebody waits for it, and as told. */
function testClock() {
  const clock = {
    time: 0,
    waited: 0,
    now: () => clock.time,
    wait: async (ms: number) => {
      clock.waited += ms
      clock.time += ms
    }
  }
  return clock
}

t.test('bytes take the time that the rate gives them', async t => {
  const clock = testClock()
  const limit = new RateLimit(100 * KIB, clock)
  const bytes = pattern(100 * KIB * 10)
  t.ok((await join(limited(limit)(cut(bytes, 64 * KIB)))).equals(bytes))
  // 10 s, less what goes at once and the last cut, after which nobody waits
  t.ok(clock.time >= 9800 && clock.time <= 10_000, `${clock.time} ms`)
  t.equal(clock.time, clock.waited)
})

t.test('a late timer is made up for, a long pause only a little', async t => {
  const clock = testClock()
  const limit = new RateLimit(1000 * KIB, clock)
  await limit.take(1000 * KIB)
  clock.time += 1000
  await limit.take(100 * KIB)
  t.equal(clock.waited, 0, 'what was late is not waited for again')
  clock.time += 60_000
  await limit.take(100 * KIB)
  await limit.take(100 * KIB)
  t.equal(clock.waited, 0, '100 ms go at once')
  await limit.take(100 * KIB)
  t.equal(clock.waited, 100)
})

t.test('whoever shares a limit has a part of it, in turn', async t => {
  const clock = testClock()
  const limit = new RateLimit(10 * KIB, clock)
  const taken: string[] = []
  const take = async (name: string) => {
    for await (const piece of limited(limit)([pattern(20 * KIB)])) taken.push(name + piece.byteLength)
  }
  await Promise.all([take('a'), take('b')])
  t.equal(taken.length, 40)
  t.ok(clock.waited >= 3800, `${clock.waited} ms for 40 KiB at 10`)
  t.ok(taken.slice(0, 10).includes('a1024') && taken.slice(0, 10).includes('b1024'), taken.join(' '))
})

t.test('pieces are cut to what goes in 100 ms, between 1 KiB and 1 MiB; whoever gets a cut owns it', async t => {
  t.equal(new RateLimit(MIN_RATE).step, KIB)
  t.equal(new RateLimit(200 * KIB).step, 20 * KIB)
  t.equal(new RateLimit(1e9).step, 1024 * KIB)
  const piece = pattern(5 * KIB)
  const cuts = await collect(limited(new RateLimit(MIN_RATE, testClock()))([piece]))
  t.equal(cuts.length, 5)
  for (const each of cuts) t.equal(each.buffer.byteLength, KIB, 'no view of the piece')
  t.equal((await collect(limited(new RateLimit(1e9, testClock()))([piece])))[0], piece, 'not copied in vain')
})

t.test('what is no rate is refused', async t => {
  for (const rate of [Number.NaN, -1, 0, 1, 1023, Number.POSITIVE_INFINITY])
    t.throws(() => new RateLimit(rate), { code: 'ERR_SFT_USAGE' }, String(rate))
})

t.test('the first 32 KiB each way of a duplex count and do not wait', async t => {
  const clocks = { sent: testClock(), received: testClock() }
  const limits = { sent: new RateLimit(MIN_RATE, clocks.sent), received: new RateLimit(MIN_RATE, clocks.received) }
  const [near, far] = duplexPair()
  const limitedNear = limitedDuplex(near, limits)
  const bytes = pattern(40 * KIB)
  const arrived = join(far.source)
  await limitedNear.sink(cut(bytes, 10 * KIB))
  t.ok((await arrived).equals(bytes))
  t.ok(clocks.sent.waited >= 38_000, `${clocks.sent.waited} ms: the debt of the first bytes is waited for by the next`)
  const back = join(limitedNear.source)
  await far.sink([bytes.subarray(0, 32 * KIB)])
  t.equal((await back).byteLength, 32 * KIB)
  t.equal(clocks.received.waited, 0)
})
