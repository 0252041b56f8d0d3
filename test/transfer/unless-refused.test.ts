import t from 'tap'
import { unlessRefused } from '../../src/transfer/unless-refused.ts'

const silent = new Promise<never>(() => {})
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

t.test('works on while the peer is silent, and whatever it says in order', async t => {
  t.equal(await unlessRefused(silent, async () => 5), 5)
  t.equal(await unlessRefused(Promise.resolve('an answer'), async () => 5), 5)
})

t.test('a refusal ends the work, which has let go of what it had by then', async t => {
  const refusal = Promise.withResolvers<never>()
  const told: unknown[] = []
  const state = { open: true }
  const working = unlessRefused(
    refusal.promise,
    async signal => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      told.push(signal.reason)
      state.open = false
      throw new Error('of the work, which nobody wants to know')
    },
    async error => void told.push('given up', error)
  )
  const error = new Error('refused')
  refusal.reject(error)
  await t.rejects(working, error)
  t.same(told, ['given up', error, error])
  t.equal(state.open, false)
})

t.test('a failure of its own is told, too', async t => {
  const error = new Error('no disk')
  const told: unknown[] = []
  const fails = async (): Promise<never> => {
    throw error
  }
  await t.rejects(
    unlessRefused(silent, fails, async each => void told.push(each)),
    error
  )
  t.same(told, [error])
})
