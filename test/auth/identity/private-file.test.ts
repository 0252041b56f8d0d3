import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  makePrivateDirectory,
  readPrivate,
  readSmallFile,
  replacePrivate,
  writePrivate
} from '../../../src/auth/identity/private-file.ts'

const modeOf = (path: string): number => statSync(path).mode & 0o777

t.test('A24, A37: writes a new file of mode 0600 whatever the umask', async t => {
  const path = join(t.testdir(), 'key')
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  await writePrivate(path, 'secret')
  t.equal(readFileSync(path, 'utf8'), 'secret')
  t.equal(modeOf(path), 0o600)
  process.umask(0o077)
  await writePrivate(`${path}.crt`, 'public', 0o644)
  t.equal(modeOf(`${path}.crt`), 0o644)
})

t.test('never writes over a file, and never through a link', async t => {
  const directory = t.testdir({ file: 'old' })
  await t.rejects(writePrivate(join(directory, 'file'), 'new'), { code: 'ERR_SFT_EXISTS' })
  symlinkSync('elsewhere', join(directory, 'link'))
  await t.rejects(writePrivate(join(directory, 'link'), 'new'), { code: 'ERR_SFT_EXISTS' })
  t.equal(readFileSync(join(directory, 'file'), 'utf8'), 'old')
  t.notOk(existsSync(join(directory, 'elsewhere')))
  await t.rejects(writePrivate(join(directory, 'none', 'file'), 'new'), { code: 'ERR_SFT_FILE' })
})

t.test('replaces a file whole and leaves nothing beside it', async t => {
  const directory = t.testdir({ file: 'old', directory: {} })
  await replacePrivate(join(directory, 'file'), 'new')
  t.equal(readFileSync(join(directory, 'file'), 'utf8'), 'new')
  t.equal(modeOf(join(directory, 'file')), 0o600)
  await t.rejects(replacePrivate(join(directory, 'directory'), 'new'), { code: 'ERR_SFT_FILE' })
  t.strictSame(readdirSync(directory).sort(), ['directory', 'file'])
})

t.test('reads a small regular file and nothing else', { timeout: 10_000 }, async t => {
  const directory = t.testdir({ file: 'text', large: 'x'.repeat(256 * 1024 + 1), directory: {} })
  t.equal(await readSmallFile(join(directory, 'file')), 'text')
  t.equal(await readSmallFile(join(directory, 'none')), undefined)
  execFileSync('mkfifo', [join(directory, 'fifo')])
  for (const name of ['large', 'directory', 'fifo', 'file/x'])
    await t.rejects(readSmallFile(join(directory, name)), { code: 'ERR_SFT_FILE' }, name)
  await t.rejects(readSmallFile('/dev/zero'), { code: 'ERR_SFT_FILE' })
})

t.test('reads a secret only from a file that is private', async t => {
  const path = join(t.testdir(), 'key')
  writeFileSync(path, 'secret')
  for (const mode of [0o640, 0o604, 0o620, 0o644]) {
    chmodSync(path, mode)
    await t.rejects(readPrivate(path), { code: 'ERR_SFT_FILE', hint: /chmod 600/ }, mode.toString(8))
  }
  chmodSync(path, 0o600)
  t.equal(await readPrivate(path), 'secret')
  t.equal(await readPrivate(`${path}.none`), undefined)
})

t.test('makes directories of mode 0700 and leaves those that exist', async t => {
  const directory = t.testdir()
  await makePrivateDirectory(join(directory, 'a', 'b'))
  t.equal(modeOf(join(directory, 'a')), 0o700)
  t.equal(modeOf(join(directory, 'a', 'b')), 0o700)
  mkdirSync(join(directory, 'c'))
  chmodSync(join(directory, 'c'), 0o755)
  await makePrivateDirectory(join(directory, 'c'))
  t.equal(modeOf(join(directory, 'c')), 0o755)
})
