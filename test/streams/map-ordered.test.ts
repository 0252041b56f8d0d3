import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { mapOrdered } from '../../src/streams/map-ordered.ts'
import { collect } from '../fixtures/bytes.ts'
import { tracked } from '../fixtures/stage-contract.ts'

t.test('order of the source, whatever the tasks take', async t => {
  await t.resolves(
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 4 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 6 }),
        async (delays, limit) => {
          const items = delays.map((ms, index) => ({ ms, index }))
          const seen = await collect(
            mapOrdered(limit, async ({ ms, index }: { ms: number; index: number }) => {
              await sleep(ms)
              return index
            })(items)
          )
          return seen.every((index, i) => index === i) && seen.length === items.length
        }
      ),
      { numRuns: 30 }
    )
  )
})

t.test('runs up to the limit at once, never more', async t => {
  for (const limit of [1, 2, 5]) {
    let now = 0
    let most = 0
    const run = async (n: number): Promise<number> => {
      most = Math.max(most, ++now)
      await sleep(3)
      now--
      return n
    }
    await collect(mapOrdered(limit, run)(Array.from({ length: 20 }, (_, i) => i)))
    t.equal(most, limit)
  }
})

t.test('a result passes on while the source is idle', async t => {
  const gate = Promise.withResolvers<void>()
  async function* source(): AsyncGenerator<number> {
    yield 1
    await gate.promise
    yield 2
  }
  const results = mapOrdered(4, async (n: number) => n)(source())
  t.same(await results.next(), { done: false, value: 1 })
  gate.resolve()
  t.same(await results.next(), { done: false, value: 2 })
  t.ok((await results.next()).done)
})

t.test('an error of a task comes after the results before it, and the rest is discarded', async t => {
  const error = new Error('task 3')
  const discarded: number[] = []
  const run = async (n: number): Promise<number> => {
    await sleep(n === 3 ? 1 : 5)
    if (n === 3) throw error
    return n
  }
  const { source, state } = tracked([1, 2, 3, 4, 5, 6, 7])
  const results = mapOrdered(4, run, n => discarded.push(n))(source)
  t.equal((await results.next()).value, 1)
  t.equal((await results.next()).value, 2)
  t.equal(await results.next().catch((reason: unknown) => reason), error)
  t.ok(state.closed)
  t.same(discarded, [4, 5, 6].slice(0, discarded.length))
  t.ok(discarded.length > 0, 'tasks under way are awaited')
})

t.test('early return awaits the tasks under way and discards their results', async t => {
  let running = 0
  const discarded: number[] = []
  const run = async (n: number): Promise<number> => {
    running++
    await sleep(n === 1 ? 0 : 20)
    running--
    return n
  }
  const { source, state } = tracked([1, 2, 3, 4, 5])
  const results = mapOrdered(3, run, n => discarded.push(n))(source)
  await results.next()
  t.ok(running > 0)
  await results.return()
  t.equal(running, 0)
  t.same(discarded, [2, 3])
  t.ok(state.closed)
})

t.test('an error of the source comes in its place, and nothing is closed twice', async t => {
  const error = new Error('source')
  let returns = 0
  const source = {
    n: 0,
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      if (this.n === 2) throw error
      return { done: false, value: this.n++ }
    },
    async return() {
      returns++
      return { done: true, value: undefined }
    }
  }
  const seen: number[] = []
  const run = async (): Promise<void> => {
    for await (const n of mapOrdered(5, async (n: number) => sleep(5, n))(source as AsyncIterable<number>)) seen.push(n)
  }
  t.equal(await run().catch((reason: unknown) => reason), error)
  t.same(seen, [0, 1])
  t.equal(returns, 0, 'an iterator that threw is over')
})
