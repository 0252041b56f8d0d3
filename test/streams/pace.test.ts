import t from 'tap'
import { Pace } from '../../src/streams/pace.ts'

/** Which way an operation went, when one in place takes `ms`. */
function operation(pace: Pace, ms = 0): Promise<'in place' | 'threaded'> {
  return pace.run<'in place' | 'threaded'>(
    () => {
      for (const end = performance.now() + ms; performance.now() < end; );
      return 'in place'
    },
    async () => 'threaded'
  )
}

t.test('the first operation goes through the thread pool, quick ones after it are done in place', async t => {
  const pace = new Pace(2)
  t.notOk(pace.inPlace)
  t.equal(await operation(pace), 'threaded')
  t.ok(pace.inPlace)
  for (let i = 0; i < 100; i++) t.equal(await operation(pace), 'in place')
})

t.test('a slow one sends those after it to the thread pool, for a while', async t => {
  const pace = new Pace(2)
  await operation(pace)
  t.equal(await operation(pace, 30), 'in place')
  for (let i = 0; i < 32; i++) t.equal(await operation(pace), 'threaded', `${i}`)
  t.equal(await operation(pace), 'in place')
})

t.test('while the thread pool is slow, nothing is tried in place', async t => {
  const pace = new Pace(2)
  const slowly = () =>
    pace.run(
      () => 'in place',
      () => new Promise<string>(resolve => setTimeout(resolve, 30, 'threaded'))
    )
  for (let i = 0; i < 5; i++) t.equal(await slowly(), 'threaded')
})

t.test('with many processors an operation in place must not cost more than two wake-ups', async t => {
  const pace = new Pace(8)
  await operation(pace)
  t.equal(await operation(pace, 0.5), 'in place', 'tried once')
  t.equal(await operation(pace), 'threaded')
})

t.test('both ways fail alike', async t => {
  const pace = new Pace(2)
  const failing = () =>
    pace.run(
      () => {
        throw new Error('EIO')
      },
      () => Promise.reject(new Error('EIO'))
    )
  await t.rejects(failing(), { message: 'EIO' })
  await operation(pace)
  t.ok(pace.inPlace)
  await t.rejects(failing(), { message: 'EIO' })
})
