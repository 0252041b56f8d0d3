import t from 'tap'
import { openStore } from '../../../../src/auth/authority/store/open-store.ts'
import { databases } from '../../../fixtures/postgres.ts'

/** M51: attempts and failures are counted for all servers of a store. */

for (const [backend, { skip, place }] of Object.entries(await databases(t))) {
  t.test(`${backend}: a key has its attempts in any window, whichever server takes them`, { skip }, async t => {
    const where = await place(t)
    await using one = await openStore(where)
    await using two = await openStore(where)
    const at = (now: number) => ({ attempts: 3, window: 100, now })
    const taken = []
    for (const [{ attempts }, now] of [
      [one, 0],
      [two, 60],
      [one, 70],
      [two, 80],
      [one, 99],
      [two, 100],
      [one, 110]
    ] as const)
      taken.push(await attempts.take('a', at(now)))
    t.strictSame(taken, [true, true, true, false, false, true, false])
    t.ok(await two.attempts.take('b', at(110)), 'another key has its own')
  })

  t.test(`${backend}: of twenty who ask at once, as many get one as there are`, { skip }, async t => {
    const where = await place(t)
    await using one = await openStore(where)
    await using two = await openStore(where)
    const limit = { attempts: 7, window: 60_000, now: Date.now() }
    const asked = Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).attempts.take('a', limit))
    t.equal((await Promise.all(asked)).filter(Boolean).length, 7)
  })

  t.test(`${backend}: a clock that was ahead does not shut anybody out for as long`, { skip }, async t => {
    await using store = await openStore(await place(t))
    const limit = { attempts: 1, window: 100 }
    t.ok(await store.attempts.take('a', { ...limit, now: 5000 }))
    t.ok(await store.attempts.take('a', { ...limit, now: 0 }))
  })

  t.test(`${backend}: failures count in a row, until a while after the last or a success`, { skip }, async t => {
    const where = await place(t)
    await using one = await openStore(where)
    await using two = await openStore(where)
    const at = (now: number) => ({ duration: 100, now })
    await one.attempts.fail('a', at(0))
    await two.attempts.fail('a', at(99))
    t.equal(await one.attempts.failures('a', at(198)), 2)
    t.equal(await one.attempts.failures('b', at(198)), 0)
    t.equal(await one.attempts.failures('a', at(199)), 0)
    await one.attempts.fail('a', at(199))
    t.equal(await two.attempts.failures('a', at(199)), 1, 'and counts from the beginning')
    await two.attempts.succeed('a')
    t.equal(await one.attempts.failures('a', at(199)), 0)
  })
}
