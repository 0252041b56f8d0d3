import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { classicUsers, withDemoUsers } from '../../../src/auth/classic/users.ts'
import { MINIMUM_COST, passwordHasher } from '../../../src/auth/server/password.ts'

const hasher = passwordHasher({ cost: MINIMUM_COST })

t.test('M145: passwords are argon2id, in a private file', async t => {
  const directory = t.testdir()
  const users = classicUsers(directory)
  t.equal(await users.passwordOf('user1'), undefined)
  await users.add('user1', await hasher.hash(Buffer.from('correct horse')))
  await users.add('Kim Lee', await hasher.hash(Buffer.from('another')))
  t.match(await users.passwordOf('user1'), /^\$argon2id\$/)
  await t.rejects(users.add('user1', 'x'), { code: 'ERR_SFT_EXISTS' })
  await t.rejects(users.add('../x', 'x'), { code: 'ERR_SFT_USAGE' })
  const path = join(directory, 'users.json')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.notMatch(await readFile(path, 'utf8'), /correct|another/)
  t.equal(await users.passwordOf('constructor'), undefined)
  t.equal(await users.passwordOf('__proto__'), undefined)
})

t.test('the demo users are nowhere but in memory', async t => {
  const directory = t.testdir()
  const users = classicUsers(directory)
  const demo = await withDemoUsers(users, hasher)
  t.equal(await hasher.verify(Buffer.from('password1'), await demo.passwordOf('user1')), 'match')
  t.equal(await hasher.verify(Buffer.from('password2'), await demo.passwordOf('user2')), 'match')
  t.equal(await demo.passwordOf('user3'), undefined)
  await demo.add('user1', await hasher.hash(Buffer.from('of my own')))
  t.equal(await hasher.verify(Buffer.from('password1'), await demo.passwordOf('user1')), 'mismatch')
  t.equal(await classicUsers(directory).passwordOf('user2'), undefined)
})

t.test('a file that is something else', async t => {
  for (const text of ['', '{', '{"version": 2, "users": {}}']) {
    const directory = t.testdir({})
    await writeFile(join(directory, 'users.json'), text, { mode: 0o600 })
    await t.rejects(classicUsers(directory).passwordOf('user1'), { code: 'ERR_SFT_FILE' })
  }
})
