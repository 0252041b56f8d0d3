import { spawnSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { type FileHandle, lstat, mkdtemp, open, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isPlainName, writeAll, writeFile } from '../../src/streams/write-file.ts'
import { C, cut, LENGTHS, pattern, print, STEPS } from '../fixtures/bytes.ts'

for (const len of LENGTHS) {
  for (const step of STEPS) {
    t.test(`len=${len} step=${step}`, async t => {
      const directory = t.testdir({})
      t.same(await writeFile(directory, 'name')(cut(pattern(len), step)), { bytes: len })
      t.equal(print(await readFile(join(directory, 'name'))), print(pattern(len)))
      t.same(await readdir(directory), ['name'])
    })
  }
}

t.test('A37: the name appears only after the end; until then there is one private .part', async t => {
  const directory = t.testdir({})
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  async function* source(): AsyncGenerator<Uint8Array> {
    yield pattern(1000)
    const names = await readdir(directory)
    t.equal(names.length, 1)
    t.match(names[0], /^\.name\.[0-9a-f]{12}\.part$/)
    t.equal((await stat(join(directory, names[0] ?? ''))).mode & 0o7777, 0o600)
    yield pattern(1000)
  }
  await writeFile(directory, 'name')(source())
  t.same(await readdir(directory), ['name'])
  t.equal((await stat(join(directory, 'name'))).mode & 0o7777, 0o600, 'under umask 0')
  await writeFile(directory, 'shared', { mode: 0o664 })([])
  t.equal((await stat(join(directory, 'shared'))).mode & 0o7777, 0o664)
})

t.test('the bytes are on the disk before the file has its name, the name before the sink settles (M36)', async t => {
  const directory = t.testdir({})
  const handle = await open(directory)
  const prototype = Object.getPrototypeOf(handle) as Pick<FileHandle, 'datasync' | 'sync'>
  await handle.close()
  const { datasync, sync } = prototype
  t.teardown(() => Object.assign(prototype, { datasync, sync }))
  const steps: string[] = []
  const noted = (name: string, run: () => Promise<void>) =>
    async function (this: FileHandle): Promise<void> {
      steps.push(`${name} ${(await readdir(directory)).includes('name') ? 'named' : 'not yet named'}`)
      return run.call(this)
    }
  Object.assign(prototype, { datasync: noted('datasync', datasync), sync: noted('sync', sync) })
  await writeFile(directory, 'name')([pattern(10)])
  t.same(steps, ['datasync not yet named', 'sync named'])
})

t.test('an error of the source leaves nothing behind', async t => {
  const directory = t.testdir({ kept: 'old' })
  const error = new Error('half way')
  async function* source(): AsyncGenerator<Uint8Array> {
    yield pattern(100_000)
    throw error
  }
  for (const options of [{}, { force: true }]) {
    t.equal(await writeFile(directory, 'kept', options)(source()).catch((reason: unknown) => reason), error)
    t.same(await readdir(directory), ['kept'])
    t.equal(await readFile(join(directory, 'kept'), 'utf8'), 'old')
  }
})

t.test('an existing file stays as it is, unless it is to be replaced', async t => {
  const directory = t.testdir({ name: 'old' })
  await t.rejects(writeFile(directory, 'name')([pattern(10)]), { code: 'ERR_SFT_EXISTS' })
  t.equal(await readFile(join(directory, 'name'), 'utf8'), 'old')
  t.same(await readdir(directory), ['name'])
  await writeFile(directory, 'name', { force: true })([pattern(10)])
  t.equal(print(await readFile(join(directory, 'name'))), print(pattern(10)))
  t.same(await readdir(directory), ['name'])
})

t.test('a symbolic link as the target is not followed', async t => {
  const directory = t.testdir({ secret: 'old', in: {} })
  await symlink('../secret', join(directory, 'in', 'name'))
  await symlink('../missing', join(directory, 'in', 'dangling'))
  for (const name of ['name', 'dangling']) {
    await t.rejects(writeFile(join(directory, 'in'), name)([pattern(10)]), { code: 'ERR_SFT_EXISTS' })
  }
  await writeFile(join(directory, 'in'), 'name', { force: true })([pattern(10)])
  t.ok((await lstat(join(directory, 'in', 'name'))).isFile(), 'the link itself is replaced')
  t.equal(await readFile(join(directory, 'secret'), 'utf8'), 'old')
  t.same((await readdir(directory)).sort(), ['in', 'secret'])
})

t.test('of two writers of one name exactly one ends well', async t => {
  const directory = t.testdir({})
  for (let round = 0; round < 20; round++) {
    const name = `name${round}`
    const settled = await Promise.allSettled(
      [1, 2].map(seed => writeFile(directory, name)(cut(pattern(C, seed), 5000)))
    )
    const refused = settled.filter(each => each.status === 'rejected')
    t.same(
      refused.map(({ reason }) => reason.code),
      ['ERR_SFT_EXISTS']
    )
    const winner = settled.findIndex(each => each.status === 'fulfilled') + 1
    t.equal(print(await readFile(join(directory, name))), print(pattern(C, winner)))
  }
  t.equal((await readdir(directory)).length, 20)
})

t.test('a full disk is a file fault, and leaves nothing behind', async t => {
  const disk = await smallDisk(t)
  if (disk === undefined) {
    const full = openSync('/dev/full', 'w')
    await t.rejects(writeAll(full, [pattern(10)]), { code: 'ERR_SFT_FILE', message: 'no space left on the disk' })
    return
  }
  const lots = Array.from({ length: 64 }, () => pattern(64 * 1024))
  const run = writeFile(disk, 'name')(lots)
  await t.rejects(run, { code: 'ERR_SFT_FILE', message: 'no space left on the disk' })
  t.same(await readdir(disk), [])
  await t.resolves(writeFile(disk, 'name')([pattern(1000)]), 'there is room again')
})

/** 1 MiB in memory, where the tests run as root. */
async function smallDisk(t: Test): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'sft-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]).status === 0
  t.teardown(async () => {
    if (mounted) spawnSync('umount', [directory])
    await rm(directory, { recursive: true })
  })
  return mounted ? directory : undefined
}

t.test('a directory that is missing, or none, is a file fault', async t => {
  const directory = t.testdir({ file: 'x' })
  for (const name of ['missing', 'file']) {
    await t.rejects(writeFile(join(directory, name), 'name')([pattern(1)]), { code: 'ERR_SFT_FILE' })
  }
})

t.test('a name is one plain path component of at most 255 bytes (M34)', async t => {
  const directory = t.testdir({})
  for (const name of [
    '',
    '.',
    '..',
    '/',
    'a/b',
    '../a',
    '/etc/passwd',
    'a/',
    'a\0b',
    'x'.repeat(256),
    'é'.repeat(128)
  ]) {
    t.notOk(isPlainName(name))
    t.throws(() => writeFile(directory, name), { code: 'ERR_SFT_USAGE' }, JSON.stringify(name.slice(0, 20)))
  }
  for (const name of [
    'a',
    '.hidden',
    '...',
    'a b',
    '-rf',
    'x'.repeat(240),
    'x'.repeat(255),
    `${'é'.repeat(127)}x`,
    '名前',
    'new\nline'
  ]) {
    t.ok(isPlainName(name))
    await writeFile(directory, name)([pattern(3)])
    t.equal((await stat(join(directory, name))).size, 3, JSON.stringify(name.slice(0, 20)))
  }
})
