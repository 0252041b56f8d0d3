import t from 'tap'
import { Pace } from '../../src/streams/pace.ts'

/** A pace by a clock that only operations move. */
function paceOf(processors: number) {
  let now = 0
  const pace = new Pace(true, processors, () => now)
  /** Which way an operation went, when one in place takes `ms` and handing one over takes `wakeUp`. */
  const operation = (ms = 0, wakeUp = 0): Promise<'in place' | 'threaded'> =>
    pace.run<'in place' | 'threaded'>(
      () => {
        now += ms
        return 'in place'
      },
      async () => {
        now += wakeUp
        return 'threaded'
      }
    )
  return { pace, operation }
}

t.test('the first operation goes through the thread pool, quick ones after it are done in place', async t => {
  const { pace, operation } = paceOf(2)
  t.notOk(pace.inPlace)
  t.equal(await operation(), 'threaded')
  t.ok(pace.inPlace)
  for (let i = 0; i < 100; i++) t.equal(await operation(0.9), 'in place')
})

t.test('a slow one sends those after it to the thread pool, twice as many each time in a row', async t => {
  const { pace, operation } = paceOf(2)
  await operation()
  for (const pause of [4, 8, 16, 32, 64, 64]) {
    t.equal(await operation(1.1), 'in place')
    for (let i = 0; i < pause; i++) t.equal(await operation(), 'threaded', `${i} of ${pause}`)
  }
  t.equal(await operation(), 'in place')
  t.equal(await operation(1.1), 'in place', 'a quick one is believed again')
  for (let i = 0; i < 4; i++) t.equal(await operation(), 'threaded')
  t.ok(pace.inPlace)
})

t.test('with many processors an operation in place must not cost more than two wake-ups', async t => {
  for (const [wakeUp, then] of [
    [0.02, 'threaded'],
    [0.1, 'in place']
  ] as const) {
    const { operation } = paceOf(8)
    await operation(0, wakeUp)
    t.equal(await operation(0.15), 'in place', 'tried once')
    t.equal(await operation(0.15, wakeUp), then)
  }
})

t.test('both ways fail alike', async t => {
  const pace = new Pace(true, 2)
  const failing = () =>
    pace.run(
      () => {
        throw new Error('EIO')
      },
      () => Promise.reject(new Error('EIO'))
    )
  await t.rejects(failing(), { message: 'EIO' })
  t.ok(pace.inPlace)
  await t.rejects(failing(), { message: 'EIO' })
})

t.test('what may wait without end is never done in place', async t => {
  const pace = new Pace(false, 1)
  for (let i = 0; i < 200; i++) {
    await pace.run(
      () => t.fail('in place'),
      async () => true
    )
  }
  t.notOk(pace.inPlace)
})
