import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openSeenLogins, SeenPayloads } from '../../../src/auth/classic/seen-payloads.ts'

const one = Buffer.from('one')
const two = Buffer.from('two')
const three = Buffer.from('three')

t.test('what came once is known until its end', t => {
  let now = 1000
  const seen = new SeenPayloads({ life: 100, most: 10, now: () => now })
  t.notOk(seen.has(one))
  t.equal(seen.take(one), 'new')
  t.ok(seen.has(one))
  t.equal(seen.take(one), 'seen')
  now += 50
  t.equal(seen.take(two), 'new')
  now += 50
  t.notOk(seen.has(one))
  t.equal(seen.take(two), 'seen')
  t.equal(seen.lines().length, 1)
  t.end()
})

t.test('when there is no room, nothing new is taken, and nothing is forgotten', t => {
  const seen = new SeenPayloads({ life: 1000, most: 2 })
  t.same([seen.take(one), seen.take(two), seen.take(three)], ['new', 'new', 'full'])
  t.ok(seen.has(one))
  t.notOk(seen.has(three))
  t.end()
})

t.test('M144: a restart forgets nothing, and keeps nothing that is over', async t => {
  const path = join(t.testdir(), 'logins')
  {
    await using first = await openSeenLogins(path, 60_000)
    t.same(await Promise.all([first.take(one), first.take(two), first.take(one)]), ['new', 'new', 'seen'])
  }
  await appendFile(path, `1 ${'0'.repeat(64)}\n${Date.now() + 60_000} abc`)
  await using second = await openSeenLogins(path, 60_000)
  t.ok(second.has(one))
  t.ok(second.has(two))
  t.equal(await second.take(one), 'seen')
  t.equal(await second.take(three), 'new')
  t.equal((await readFile(path, 'utf8')).match(/^\d+ [0-9a-f]{64}$/gm)?.length, 3)
})
