import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openUserStore } from '../../../src/auth/authority/user-store.ts'

t.test('keeps users across openings', async t => {
  const path = join(t.testdir(), 'users.db')
  const first = await openUserStore(path)
  await first.add('bob', 'hash of bob')
  await first.add('alice', 'hash of alice')
  await first.setPassword('bob', 'new hash')
  await first.setDisabled('alice', true)
  await first.close()
  const store = await openUserStore(path)
  t.teardown(() => store.close())
  t.match(await store.get('bob'), { name: 'bob', password: 'new hash', disabled: false, created: Date })
  t.strictSame(
    (await store.list()).map(({ name, disabled }) => [name, disabled]),
    [
      ['alice', true],
      ['bob', false]
    ]
  )
  await store.setDisabled('alice', false)
  t.match(await store.get('alice'), { disabled: false, password: 'hash of alice' })
  t.equal(await store.get('carol'), undefined)
})

t.test('refuses what is there already, what is not, and what is no name', async t => {
  const store = await openUserStore(join(t.testdir(), 'users.db'))
  t.teardown(() => store.close())
  await store.add('alice', 'hash')
  await t.rejects(store.add('alice', 'other'), { code: 'ERR_SFT_EXISTS' })
  t.match(await store.get('alice'), { password: 'hash' })
  await t.rejects(store.add('Alice', 'x'), { code: 'ERR_SFT_USAGE' })
  await t.rejects(store.setPassword('bob', 'x'), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(store.setDisabled('bob', true), { code: 'ERR_SFT_NOT_FOUND' })
  t.equal(await store.get("' OR 1=1 --"), undefined)
})

t.test('its files are private, also while it is open', async t => {
  const directory = t.testdir()
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const store = await openUserStore(join(directory, 'users.db'))
  t.teardown(() => store.close())
  await store.add('alice', 'hash')
  const files = readdirSync(directory)
  t.ok(files.includes('users.db-wal'), 'it is in WAL mode')
  for (const file of files) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
})

t.test('two openings see each other', async t => {
  const path = join(t.testdir(), 'users.db')
  const [one, two] = [await openUserStore(path), await openUserStore(path)]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  await one.add('alice', 'hash')
  t.match(await two.get('alice'), { name: 'alice' })
})

t.test('a file that is no database of ours is refused', async t => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'text'), 'not a database, and long enough to be read as one'.repeat(20))
  await t.rejects(openUserStore(join(directory, 'text')), { code: 'ERR_SFT_FILE' })
  await t.rejects(openUserStore(join(directory, 'none', 'users.db')), { code: 'ERR_SFT_FILE' })
  const later = new DatabaseSync(join(directory, 'later.db'))
  later.exec('PRAGMA user_version = 2')
  later.close()
  await t.rejects(openUserStore(join(directory, 'later.db')), { code: 'ERR_SFT_FILE', message: /later version/ })
})
