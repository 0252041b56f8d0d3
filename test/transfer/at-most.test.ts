import t from 'tap'
import { atMost } from '../../src/transfer/at-most.ts'

t.test('what is settled in time', async t => {
  t.equal(await atMost(10_000, Promise.resolve(5)), 5)
  await t.rejects(atMost(10_000, Promise.reject(new Error('no'))), { message: 'no' })
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'), 'no timer is left')
})

t.test('what is not', async t => {
  t.equal(await atMost(10, new Promise(() => {})), undefined, 'the process waits for it')
})
