import { join } from 'node:path'
import t from 'tap'
import { openStore } from '../../../src/auth/authority/store/open-store.ts'
import { softLock } from '../../../src/auth/server/soft-lock.ts'

t.test('M51: locks after so many failures in a row, until a while after the last', async t => {
  await using store = await openStore(join(t.testdir(), 'users.db'))
  let now = 0
  const lock = softLock(store.attempts, { failures: 3, duration: 100, now: () => now })
  for (let i = 0; i < 2; i++) await lock.fail('a')
  t.notOk(await lock.isLocked('a'))
  await lock.succeed('a')
  for (let i = 0; i < 3; i++) await lock.fail('a')
  t.ok(await lock.isLocked('a'))
  t.notOk(await lock.isLocked('b'), 'another key has its own')
  now = 99
  t.ok(await lock.isLocked('a'))
  now = 100
  t.notOk(await lock.isLocked('a'))
  await lock.fail('a')
  t.notOk(await lock.isLocked('a'), 'and counts from the beginning')
})

t.test('failures far apart are not in a row', async t => {
  await using store = await openStore(join(t.testdir(), 'users.db'))
  let now = 0
  const lock = softLock(store.attempts, { failures: 2, duration: 100, now: () => now })
  await lock.fail('a')
  now = 100
  await lock.fail('a')
  t.notOk(await lock.isLocked('a'))
})
