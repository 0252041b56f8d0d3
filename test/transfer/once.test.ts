import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { type Attempt, getOnce } from '../../src/transfer/attempt.ts'
import type { Destination } from '../../src/transfer/destination.ts'
import { jobOf, requireNoReceipt } from '../../src/transfer/once.ts'
import type { JobOptions } from '../../src/transfer/requests.ts'
import { pattern } from '../fixtures/bytes.ts'

t.test('M83: a call that attempts again is a job of its own', t => {
  const job = { key: pattern(32), note: async (): Promise<void> => {} }
  t.equal(jobOf({ job }, { retry: 3 }), job, "the caller's")
  t.equal(jobOf({}, {}), undefined)
  t.equal(jobOf({}, { retry: 0 }), undefined)
  t.equal(jobOf({ receipt: true }, { retry: 3 }), undefined)
  const keys = [1, 2].map(retry => jobOf({}, { retry })?.key)
  t.same(
    keys.map(key => key?.byteLength),
    [32, 32]
  )
  t.notSame(keys[0], keys[1])
  t.throws(() => requireNoReceipt({ job, receipt: true }), { code: 'ERR_SFT_USAGE' })
  t.end()
})

t.test('M83: a get whose file was at its place when the peer could not be told any more', async t => {
  const lost = new SftError('ERR_SFT_CONNECTION_LOST', 'lost')
  const attempt = {
    dial: async () => ({
      get: async (_: string, { sink }: Destination) => {
        await sink({ created: 0 })([pattern(1000)])
        throw lost
      },
      [Symbol.asyncDispose]: async () => {}
    })
  } as unknown as Attempt
  for (const existing of ['refuse', 'rename'] as const) {
    const directory = t.testdir({})
    const get = (job: JobOptions | undefined) =>
      getOnce({ peer: 'bob', path: 'file' }, join(directory, 'file'), { existing, job }, attempt)
    const job = jobOf({}, { retry: 1 })
    await t.rejects(get(job), lost)
    t.match(await get(job), { before: true, bytes: 1000, kind: 'durable' })
    t.same(readdirSync(directory), ['file'], 'and no mark is left')
    await t.rejects(get(jobOf({}, { retry: 1 })), existing === 'refuse' ? { code: 'ERR_SFT_EXISTS' } : lost)
  }
})
