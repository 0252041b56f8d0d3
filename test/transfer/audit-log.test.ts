import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { verifyAuditLog } from '../../src/auth/identity/audit-files.ts'
import { openAuditLog } from '../../src/transfer/audit-log.ts'

/** An audit of some lines; its path. */
async function written(directory: string, lines: number, maxBytes?: number): Promise<string> {
  const path = join(directory, 'audit')
  await using log = await openAuditLog(path, maxBytes === undefined ? {} : { maxBytes })
  await Promise.all(Array.from({ length: lines }, (_, index) => log.append({ type: 'test', index })))
  return path
}
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1)
const put = (path: string, lines: readonly string[]): void =>
  writeFileSync(path, lines.map(each => `${each}\n`).join(''))

t.test('one chain of lines, private, in order, over a restart', async t => {
  const directory = t.testdir({})
  const path = await written(directory, 3)
  await written(directory, 2)
  t.match(await verifyAuditLog(path), { intact: true, first: 1, lines: 5 })
  t.equal(statSync(path).mode & 0o777, 0o600)
  const lines = linesOf(path).map(line => JSON.parse(line))
  t.match(lines[0], { seq: 1, type: 'test', by: /^peer .+@/, index: 0, prev: '0'.repeat(64) })
  t.strictSame(
    lines.map(({ index }) => index),
    [0, 1, 2, 0, 1]
  )
  t.strictSame(readdirSync(directory), ['audit'], 'no lock is left')
})

t.test('M50: what was changed, cut out, moved or added is found', async t => {
  const path = await written(t.testdir({}), 5)
  const good = linesOf(path)
  const changed = (at: number, text: string) => good.map((line, index) => (index === at ? text : line))
  for (const [title, lines, at] of [
    ['changed', changed(2, (good[2] as string).replace('"index":2', '"index":7')), 4],
    ['no JSON', changed(2, 'x'), 3],
    ['cut out', good.filter((_, index) => index !== 2), 3],
    ['moved', [good[0], good[2], good[1], good[3], good[4]] as string[], 2],
    ['twice', [...good.slice(0, 3), ...good.slice(2)], 4]
  ] as const) {
    put(path, lines)
    t.match(await verifyAuditLog(path), { intact: false, at }, title)
  }
  put(path, good.slice(2))
  t.match(await verifyAuditLog(path), { intact: true, first: 3, lines: 3 }, 'the first of them were archived')
})

t.test('a file that has grown is put aside, and the chain goes on', async t => {
  const directory = t.testdir({})
  const path = await written(directory, 10, 400)
  const files = readdirSync(directory)
  t.ok(files.length > 2, `${files}`)
  t.ok(files.every(name => /^audit(\.\d{12})?$/.test(name)))
  t.match(await verifyAuditLog(path), { intact: true, first: 1, lines: 10 })
  renameSync(path, join(directory, 'audit.000000000010'))
  await written(directory, 1, 400)
  t.match(await verifyAuditLog(path), { intact: true }, 'begun anew right after one was filled')
  rmSync(join(directory, files[2] as string))
  t.match(await verifyAuditLog(path), { intact: false, problem: 'a line is missing' }, 'a whole file is missing')
})

t.test('a line that a crash has cut is taken off, and that is said', async t => {
  const directory = t.testdir({})
  const path = await written(directory, 2)
  appendFileSync(path, '{"seq":3,"ty')
  await written(directory, 1)
  t.match(await verifyAuditLog(path), { intact: true, lines: 4 })
  t.match(JSON.parse(linesOf(path)[2] as string), { type: 'audit.cut', bytes: 12 })
  writeFileSync(path, 'no line\n')
  await t.rejects(openAuditLog(path), { code: 'ERR_SFT_AUDIT' })
})

t.test('one process writes at a time; the lock of one that is gone is taken over', async t => {
  const path = join(t.testdir({}), 'audit')
  const log = await openAuditLog(path)
  await t.rejects(openAuditLog(path), { code: 'ERR_SFT_BUSY' })
  await log.close()
  writeFileSync(`${path}.lock`, '4194305')
  await (await openAuditLog(path)).close()
})

t.test('what can not be written stops everything that must be audited', async t => {
  const directory = t.testdir({})
  const path = join(directory, 'audit')
  const log = await openAuditLog(path, { maxBytes: 1 })
  await log.append({ type: 'first' })
  log.check()
  rmSync(directory, { recursive: true })
  await t.rejects(log.append({ type: 'second' }), { code: 'ERR_SFT_FILE' })
  t.throws(() => log.check(), { code: 'ERR_SFT_FILE' })
  await t.rejects(log.append({ type: 'third' }), { code: 'ERR_SFT_FILE' })
  await t.rejects(verifyAuditLog(path), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(openAuditLog(join(directory, 'no/audit')), { code: 'ERR_SFT_FILE' })
})
