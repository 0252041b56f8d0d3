import { readdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CommitRecord } from '../../src/transfer/commit-record.ts'
import { pattern } from '../fixtures/bytes.ts'

const fileId = pattern(32)
const recordIn = (directory: string, more: Partial<ConstructorParameters<typeof CommitRecord>[0]> = {}): CommitRecord =>
  new CommitRecord({
    directory,
    name: 'report.pdf',
    peer: 'alice',
    direction: 'send',
    fileId,
    awaited: new Set(),
    ...more
  })

/** Leaves a record whose answer was lost. */
async function leave(record: CommitRecord, thing: ReturnType<typeof thingAt>): Promise<void> {
  await record.naming(thing)
  record.lost()
}

/** A file as it is before it has its name. */
function thingAt(path: string, text = 'bytes') {
  writeFileSync(path, text)
  const { ino, birthtimeNs, mtimeNs } = statSync(path, { bigint: true })
  return { ino, birthtimeNs, mtimeNs, bytes: text.length }
}

t.test('M84: what has the name is what came, or it is not done', async t => {
  const directory = t.testdir({})
  const [part, target] = [join(directory, 'part'), join(directory, 'report.pdf')]
  const record = recordIn(directory)
  t.equal(await record.done(), undefined)
  await leave(record, thingAt(part))
  t.equal(await record.done(), undefined, 'not yet')
  renameSync(part, target)
  await record.named()
  t.equal(await record.done(), 5)
  renameSync(target, join(directory, 'report (1).pdf'))
  t.equal(await record.done(), undefined, 'the name is free')
  writeFileSync(target, 'of somebody else')
  t.equal(await record.done(), 5, 'it took another name')
  rmSync(target)
  renameSync(join(directory, 'report (1).pdf'), target)
  const { atime, mtime } = statSync(target)
  utimesSync(target, atime, new Date(mtime.getTime() + 1000))
  t.equal(await record.done(), undefined, 'it was written to')
  await leave(record, thingAt(target))
  t.equal(await record.done(), 5)
  writeFileSync(target, 'more bytes')
  t.equal(await record.done(), undefined)
  rmSync(target)
  t.equal(await record.done(), undefined, 'it is gone')
  await record.remove()
  t.same(readdirSync(directory), [])
})

t.test('M84: it is of one peer, name and state, and of a week', async t => {
  const directory = t.testdir({})
  const record = recordIn(directory)
  await leave(record, thingAt(join(directory, 'report.pdf')))
  const others = [
    { peer: 'carol' },
    { direction: 'get' as const },
    { name: 'report' },
    { fileId: pattern(33).subarray(1) }
  ]
  for (const other of others) t.equal(await recordIn(directory, other).done(), undefined)
  t.match(record.path, /\/\.report\.pdf\.[0-9a-f]{12}\.part\.done$/)
  t.equal(statSync(record.path).mode & 0o777, 0o600)
  t.equal(await record.done(), 5)
  const old = new Date(Date.now() - 7 * 86_400_000 - 60_000)
  utimesSync(record.path, old, old)
  t.equal(await record.done(), undefined)
  for (const text of ['', 'x', `${'0'.repeat(64)} 1 2 3 4\n`]) {
    writeFileSync(record.path, text)
    t.equal(await record.done(), undefined, text)
  }
  rmSync(record.path)
  writeFileSync(join(directory, 'elsewhere'), 'kept')
  symlinkSync('elsewhere', record.path)
  await t.rejects(record.naming(thingAt(join(directory, 'x'))), { code: 'ELOOP' }, 'no link is followed')
})

t.test('M84: while its sender is there to have the answer, who asks wants another', async t => {
  const directory = t.testdir({})
  const awaited = new Set<string>()
  const [record, another] = [recordIn(directory, { awaited }), recordIn(directory, { awaited })]
  await record.naming(thingAt(join(directory, 'report.pdf')))
  t.equal(await another.done(), undefined)
  record.lost()
  t.equal(await another.done(), 5)
  await record.naming(thingAt(join(directory, 'report.pdf')))
  await record.remove()
  t.equal(awaited.size, 0)
})
