import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Lease } from '../../src/transfer/lease.ts'

const BUSY = 'another process receives this'

/** Of what an earlier attempt has left, the first look and those after it. */
function looks<T>(...found: readonly T[]): () => Promise<T> {
  let count = 0
  return async () => found[Math.min(count++, found.length - 1)] as T
}

t.test('what is there is held until it is handed over or let go of', async t => {
  const lock = join(t.testdir(), 'part.lock')
  const lease = new Lease(lock)
  t.equal(await lease.begun(looks(undefined), undefined, BUSY), undefined)
  t.notOk(existsSync(lock), 'of nothing there is nothing to hold')
  t.equal(await lease.begun(looks(7), undefined, BUSY), 7)
  t.equal(await lease.begun(looks(8), undefined, BUSY), 8, 'and again')
  t.ok(existsSync(lock))
  t.equal(lease.handOver(), true)
  t.equal(lease.handOver(), false)
  await lease.release()
  t.ok(existsSync(lock), 'it is of whoever has it now')
})

t.test('M90: what another has finished between the look and the lock is not there any more', async t => {
  const lock = join(t.testdir(), 'part.lock')
  for (const existing of [undefined, 'rename'] as const) {
    const lease = new Lease(lock)
    t.equal(await lease.begun(looks<number | undefined>(7, undefined), existing, BUSY), undefined)
    await lease.release()
    t.notOk(existsSync(lock))
  }
})

t.test('what another process is at', async t => {
  const lock = join(t.testdir(), 'part.lock')
  writeFileSync(lock, String(process.pid))
  await t.rejects(new Lease(lock).begun(looks(7), undefined, BUSY), { code: 'ERR_SFT_BUSY', message: BUSY })
  t.equal(await new Lease(lock).begun(looks(7), 'rename', BUSY), undefined, 'another name is free')
  t.ok(existsSync(lock))
})
