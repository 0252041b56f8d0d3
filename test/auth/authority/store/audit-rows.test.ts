import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { openStore } from '../../../../src/auth/authority/store/open-store.ts'
import type { AuditVerdict, AuthStore } from '../../../../src/auth/authority/store/store.ts'
import { databases } from '../../../fixtures/postgres.ts'

const BACKENDS = await databases(t)
const hashOf = (line: string): string => createHash('sha256').update(line).digest('hex')
const linesOf = async (store: AuthStore) => (await store.audit.read(0)).map(({ line }) => line)

/** A store with some lines in it; what SQL can do to them; what verification says then. */
async function tampered(t: Test, sql: string) {
  const path = join(t.testdir(), 'users.db')
  await using store = await openStore(path, { actor: 'admin kim@desk' })
  for (const name of ['alice', 'bob', 'carol', 'dave']) await store.users.add(name, 'hash')
  await store.users.setDisabled('bob', true)
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
  return await store.audit.verify()
}

t.test('M49: each line has the hash of the one before it, and says who did what', async t => {
  await using store = await openStore(join(t.testdir(), 'users.db'), { actor: 'admin kim@desk' })
  t.match(await store.audit.verify(), { intact: true, lines: 0 })
  await store.users.add('alice', 'a secret hash')
  await store.audit.append({ type: 'login', result: 'refused', name: 'alice', source: '::1' })
  await store.users.remove('alice')
  const lines = await linesOf(store)
  const parsed = lines.map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(parsed, [
    { seq: 1, type: 'user.add', by: 'admin kim@desk', name: 'alice', prev: '0'.repeat(64), time: /Z$/ },
    { seq: 2, type: 'login', result: 'refused', source: '::1', prev: hashOf(lines[0] as string) },
    { seq: 3, type: 'user.remove', certificates: 0, prev: hashOf(lines[1] as string) }
  ])
  t.notMatch(lines.join(), /secret/)
  t.strictSame(await store.audit.verify(), { intact: true, first: 1, lines: 3, head: hashOf(lines[2] as string) })
  t.strictSame(
    (await store.audit.read(1, 1)).map(({ seq }) => seq),
    [2]
  )
})

t.test('M49: what did not happen has no line', async t => {
  await using store = await openStore(join(t.testdir(), 'users.db'))
  await store.users.add('alice', 'hash')
  await t.rejects(store.users.add('alice', 'hash'))
  await t.rejects(store.users.remove('bob'))
  await t.rejects(store.certificates.revoke('00', 'superseded'))
  t.equal((await linesOf(store)).length, 1)
})

t.test('M50: finds whatever was done to it', async t => {
  const cases: Record<string, [string, number]> = {
    'a line changed': [`UPDATE audit SET line = replace(line, 'bob', 'rob') WHERE seq = 2`, 3],
    'the last line changed': [`UPDATE audit SET line = replace(line, 'bob', 'rob') WHERE seq = 5`, 5],
    'a line that is no JSON': [`UPDATE audit SET line = 'x' WHERE seq = 3`, 3],
    'a line cut out': ['DELETE FROM audit WHERE seq = 3', 3],
    'a line cut out, and the rest moved up': [
      'DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3',
      3
    ],
    'the first line cut off': ['DELETE FROM audit WHERE seq = 1', 1],
    'the end cut off': ['DELETE FROM audit WHERE seq >= 4', 4],
    'everything cut off': ['DELETE FROM audit', 1],
    'two lines swapped': [
      'UPDATE audit SET seq = 9 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 9',
      2
    ],
    'a line added': [`INSERT INTO audit SELECT 6, '{"seq":6,"prev":"' || hash || '"}' FROM audit_head`, 6],
    'the end forgotten': ['DELETE FROM audit_head', 1]
  }
  for (const [what, [sql, at]] of Object.entries(cases)) {
    await t.test(what, async t => t.match(await tampered(t, sql), { intact: false, at }))
  }
  await t.test('nothing', async t => t.match(await tampered(t, ''), { intact: true, lines: 5 }))
})

for (const [database, { skip, place }] of Object.entries(BACKENDS)) {
  t.test(`M49: many writers at once make one chain, in ${database}`, { skip }, async t => {
    const where = await place(t)
    const stores = await Promise.all(['one', 'two', 'three'].map(actor => openStore(where, { actor })))
    t.teardown(() => Promise.all(stores.map(store => store.close())))
    const [one] = stores as [AuthStore]
    await one.users.add('alice', 'hash')
    await Promise.all(
      Array.from({ length: 60 }, (_, i) => {
        const store = stores[i % 3] as AuthStore
        return i % 5 === 0
          ? store.users.setDisabled('alice', i % 2 === 0)
          : store.audit.append({ type: 'login', turn: i })
      })
    )
    t.match(await one.audit.verify(), { intact: true, lines: 61 })
  })
}

t.test('M50: what is written meanwhile is no fault', async t => {
  const path = join(t.testdir(), 'users.db')
  await using writer = await openStore(path)
  await using store = await openStore(path)
  const verdicts: AuditVerdict[] = []
  const write = async (): Promise<void> => {
    for (let turn = 0; turn < 100; turn++) await writer.audit.append({ type: 'login', turn })
  }
  const look = async (): Promise<void> => {
    for (let turn = 0; turn < 300; turn++) verdicts.push(await store.audit.verify())
  }
  await Promise.all([write(), look()])
  t.strictSame(
    verdicts.filter(({ intact }) => !intact),
    []
  )
})

t.test('more lines than are read at once', async t => {
  const path = join(t.testdir(), 'users.db')
  await using store = await openStore(path)
  await store.audit.append({ type: 'first' })
  const database = new DatabaseSync(path)
  const insert = database.prepare('INSERT INTO audit VALUES (?, ?)')
  let prev = hashOf((await linesOf(store))[0] as string)
  database.exec('BEGIN')
  for (let seq = 2; seq <= 2500; seq++) {
    const line = JSON.stringify({ seq, prev })
    insert.run(seq, line)
    prev = hashOf(line)
  }
  database.exec(`UPDATE audit_head SET seq = 2500, hash = '${prev}'; COMMIT`)
  database.close()
  t.strictSame(await store.audit.verify(), { intact: true, first: 1, lines: 2500, head: prev })
  t.equal((await store.audit.read(0)).length, 1000)
})
