import t from 'tap'
import { watchClock } from '../../../src/auth/server/clock-steps.ts'
import { startAuthServer } from '../../fixtures/auth-server.ts'

t.test('a clock that is set is noticed once, in either direction; one that drifts is not', t => {
  let [clock, steady] = [1_000_000, 0]
  const steps: number[] = []
  const watch = watchClock({ onStep: step => steps.push(step), clock: () => clock, steady: () => steady })
  t.teardown(watch.stop)
  const pass = (ms: number, stepped = 0): void => {
    steady += ms
    clock += ms + stepped
    watch.look()
  }
  pass(10_000)
  pass(10_000, 1500)
  pass(10_000, -1500)
  t.strictSame(steps, [])
  pass(10_000, 3_600_000)
  pass(10_000)
  pass(10_000, -7_200_000)
  t.strictSame(steps, [3_600_000, -7_200_000])
  t.end()
})

t.test('the auth server says so, and its audit has it', async t => {
  const { store, events, close } = await startAuthServer(t.testdir(), { clockEvery: 20 })
  t.teardown(close)
  const real = Date.now
  t.teardown(() => {
    Date.now = real
  })
  Date.now = () => real() - 3_600_000
  while (!events.some(({ type }) => type === 'clock')) await new Promise(resolve => setTimeout(resolve, 10))
  Date.now = real
  const { stepped = 0 } = events.find(event => event.type === 'clock') ?? {}
  t.ok(Math.abs(stepped + 3_600_000) < 1000, `${stepped} ms`)
  const hasLine = async () =>
    (await store.audit.read(0)).some(({ line }) => /"type":"clock".*"stepped":-3[56]/.test(line))
  while (!(await hasLine())) await new Promise(resolve => setTimeout(resolve, 10))
})
