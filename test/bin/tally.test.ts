import t from 'tap'
import { Tally } from '../../src/bin/tally.ts'
import type { JobResult, TransferEvent } from '../../src/index.ts'

const time = '2026-11-27T12:00:00.000Z'
const job = { send: '/a', to: 'bob', key: 'a' }
const done = (more: object = {}): JobResult => ({
  job,
  time,
  status: 'done',
  attempts: 1,
  bytes: 2048,
  resumedAt: 0,
  ...more
})
const failure = { code: 'ERR_SFT_CONNECT', message: 'no', exitCode: 10, retryable: true }
const event = (type: string, id: string, more: object = {}) => ({ type, id, time, ...more }) as TransferEvent

t.test('what is done, what is under way, and what was moved', t => {
  const tally = new Tally(5)
  t.equal(tally.line, '0 of 5 done, 0 failed, 0 under way, 0 B, 0 B/s')
  tally.follow(event('start', 'x'))
  tally.follow(event('start', 'y'))
  tally.follow(event('progress', 'x', { bytes: 1024, rate: 512 }))
  tally.follow(event('progress', 'y', { bytes: 1024, rate: 512 }))
  tally.follow(event('resumed', 'y', { at: 5 }))
  t.equal(tally.line, '0 of 5 done, 0 failed, 2 under way, 2.0 KiB, 1.0 KiB/s')
  tally.follow(event('end', 'x'))
  tally.follow(event('error', 'y'))
  tally.add(done())
  tally.add(done({ resumedAt: 1024, omitted: 3 }))
  tally.add(done({ before: true }))
  tally.add({ job, time, status: 'failed', attempts: 1, error: failure })
  t.equal(tally.line, '3 of 5 done (1 before), 1 failed, 0 under way, 3.0 KiB, 0 B/s')
  t.equal(tally.end, '3 done (1 before), 1 failed, 3.0 KiB')
  t.same([tally.left, tally.partial], [1, 1])
  t.end()
})
