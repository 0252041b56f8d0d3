import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openStore } from '../../../src/auth/authority/store/open-store.ts'
import type { AuthStore } from '../../../src/auth/authority/store/store.ts'
import { verifyAuditLog } from '../../../src/auth/identity/audit-files.ts'
import { archiveAudit, keepAuditShort } from '../../../src/auth/server/audit-archive.ts'
import { databases } from '../../fixtures/postgres.ts'

const write = async ({ audit }: AuthStore, count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await audit.append({ type: 'login', turn })
}
const filesOf = (file: string): string[] => readdirSync(join(file, '..')).sort()

async function withLines(t: Test, count: number): Promise<{ store: AuthStore; file: string; path: string }> {
  const directory = t.testdir()
  mkdirSync(join(directory, 'old'))
  const path = join(directory, 'users.db')
  const store = await openStore(path, { actor: 'admin kim@desk' })
  t.teardown(() => store.close())
  await write(store, count)
  return { store, file: join(directory, 'old', 'audit'), path }
}

for (const [backend, { skip, place }] of Object.entries(await databases(t))) {
  t.test(
    `${backend}: M62: what is put aside is one chain in files, and what stays goes on from there`,
    { skip },
    async t => {
      const file = join(t.testdir(), 'audit')
      const where = await place(t)
      await using store = await openStore(where)
      await write(store, 1100)
      t.equal(await archiveAudit(store, { file, keep: 100 }), 1000)
      t.match(await store.audit.verify(), { intact: true, first: 1001, lines: 101 })
      t.match(await verifyAuditLog(file), { intact: true, first: 1, lines: 1000 })
      t.match(JSON.parse((await store.audit.read(1100))[0]?.line ?? ''), { type: 'archive', first: 1, last: 1000 })
      t.equal((await store.audit.read(0))[0]?.seq, 1001, 'they are gone from the store')
      t.equal(await archiveAudit(store, { file, keep: 101 }), 0, 'nothing more to put aside')
      await write(store, 99)
      t.equal(await archiveAudit(store, { file, keep: 0 }), 200)
      t.match(await store.audit.verify(), { intact: true, first: 1201, lines: 1 })
      t.match(await verifyAuditLog(file), { intact: true, first: 1, lines: 1200 })
      const files = filesOf(file).filter(name => name.startsWith('audit'))
      t.strictSame(files, ['audit.000000001000', 'audit.000000001200'])
      t.equal(statSync(`${file}.000000001000`).mode & 0o777, 0o600)
    }
  )
}

t.test('M62: a crash between the file and the store is mended by the next call', async t => {
  const { store, file } = await withLines(t, 20)
  const crashed = { audit: { ...store.audit, cut: () => Promise.reject(new Error('power cut')) } }
  await t.rejects(archiveAudit(crashed, { file, keep: 5 }), /power cut/)
  t.match(await store.audit.verify(), { intact: true, first: 1, lines: 20 })
  await write(store, 10)
  t.equal(await archiveAudit(store, { file, keep: 5 }), 11)
  t.match(await verifyAuditLog(file), { intact: true, first: 1, lines: 26 })
  t.match(await store.audit.verify(), { intact: true, first: 27 })
  t.strictSame(filesOf(file), ['audit.000000000015', 'audit.000000000026'])
})

t.test('M50: a cut, a change and a start that moved are found after archiving as before', async t => {
  const cases: Record<string, string> = {
    'the first that stay': 'DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)',
    'a line of those': `UPDATE audit SET line = replace(line, 'login', 'logon') WHERE seq = 17`,
    'the start': 'UPDATE audit_head SET seq = seq + 1 WHERE id = 2',
    'the end': 'DELETE FROM audit WHERE seq > 18'
  }
  for (const [what, sql] of Object.entries(cases)) {
    await t.test(what, async t => {
      const { store, file, path } = await withLines(t, 20)
      await archiveAudit(store, { file, keep: 5 })
      const database = new DatabaseSync(path)
      database.exec(sql)
      database.close()
      t.match(await store.audit.verify(), { intact: false })
    })
  }
})

t.test('M62: a chain that is broken stays in the store', async t => {
  const { store, file, path } = await withLines(t, 20)
  const database = new DatabaseSync(path)
  database.exec(`UPDATE audit SET line = replace(line, 'login', 'logon') WHERE seq = 7`)
  database.close()
  await t.rejects(archiveAudit(store, { file, keep: 5 }), { code: 'ERR_SFT_AUDIT', message: /line 8/ })
  t.strictSame(filesOf(file), [], 'no file, no lock')
  t.equal((await store.audit.read(0)).length, 20)
})

t.test('M62: files of another chain are left alone', async t => {
  const { store, file } = await withLines(t, 20)
  await archiveAudit(store, { file, keep: 5 })
  const other = await openStore(join(file, '..', '..', 'other.db'))
  t.teardown(() => other.close())
  await write(other, 40)
  await t.rejects(archiveAudit(other, { file, keep: 5 }), { code: 'ERR_SFT_AUDIT' })
  t.match(await verifyAuditLog(file), { intact: true, lines: 15 })
  t.equal((await other.audit.read(0)).length, 40)
})

t.test('one at a time, and a disk that refuses loses nothing', async t => {
  const { store, file } = await withLines(t, 20)
  writeFileSync(`${file}.lock`, String(process.pid))
  await t.rejects(archiveAudit(store, { file, keep: 5 }), { code: 'ERR_SFT_BUSY' })
  const nowhere = join(file, '..', 'none', 'audit')
  await t.rejects(archiveAudit(store, { file: nowhere, keep: 5 }), { code: 'ERR_SFT_FILE' })
  t.equal((await store.audit.read(0)).length, 20)
})

t.test('a server archives once twice as many lines have gathered as stay', async t => {
  const { store, file } = await withLines(t, 19)
  const faults: unknown[] = []
  const short = keepAuditShort(store, { file, keep: 10, every: 5, onFault: error => faults.push(error) })
  await delay(60)
  t.strictSame(filesOf(file), [])
  await write(store, 1)
  while (!filesOf(file).includes('audit.000000000010')) await delay(5)
  await short.stop()
  t.match(await store.audit.verify(), { intact: true, first: 11, lines: 11 })
  t.match(readFileSync(`${file}.000000000010`, 'utf8').split('\n').length, 11)
  t.strictSame(faults, [])
})
