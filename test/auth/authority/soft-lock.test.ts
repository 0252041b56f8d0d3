import t from 'tap'
import { softLock } from '../../../src/auth/authority/soft-lock.ts'

t.test('M51: locks after so many failures in a row, until a while after the last', async t => {
  let now = 0
  const lock = softLock({ failures: 3, duration: 100, now: () => now })
  for (let i = 0; i < 2; i++) lock.fail('a')
  t.notOk(lock.isLocked('a'))
  lock.succeed('a')
  for (let i = 0; i < 3; i++) lock.fail('a')
  t.ok(lock.isLocked('a'))
  t.notOk(lock.isLocked('b'), 'another key has its own')
  now = 99
  t.ok(lock.isLocked('a'))
  now = 100
  t.notOk(lock.isLocked('a'))
  lock.fail('a')
  t.notOk(lock.isLocked('a'), 'and counts from the beginning')
})

t.test('failures far apart are not in a row', async t => {
  let now = 0
  const lock = softLock({ failures: 2, duration: 100, now: () => now })
  lock.fail('a')
  now = 100
  lock.fail('a')
  t.notOk(lock.isLocked('a'))
})

t.test('remembers a bounded number of keys, the latest', async t => {
  const lock = softLock({ failures: 1, keys: 3 })
  for (const key of ['a', 'b', 'c', 'a', 'd']) lock.fail(key)
  t.strictSame(
    ['a', 'b', 'c', 'd'].map(key => lock.isLocked(key)),
    [true, false, true, true]
  )
})
