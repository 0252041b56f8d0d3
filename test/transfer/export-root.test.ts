import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, link, mkdir, readdir, readFile, rename, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import type { Destination } from '../../src/transfer/destination.ts'
import { openExportRoot, outgoingFile } from '../../src/transfer/export-root.ts'
import { join as joinBytes } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { sessionPair } from '../fixtures/session-pair.ts'

/** Attack A14: whatever a peer asks for, it gets a regular file below the root, or always the same answer. */

const SECRET = 'outside of the root'

const top = t.testdir({
  outside: { secret: SECRET, folder: { deep: SECRET } },
  root: {
    plain: 'plain',
    sub: { deep: { file: 'deep' } },
    'with space': 'space',
    'a\nb': 'newline',
    'a\u001b[31mb': 'escape',
    'caf\u00e9': 'composed',
    '..dots': 'dots',
    '.hidden': 'hidden',
    'back\\slash': 'backslash',
    '%2e%2e': 'percent',
    'not a link': t.fixture('symlink', 'plain'),
    'link up': t.fixture('symlink', '../outside/secret'),
    'link to file': t.fixture('symlink', 'sub/deep/file'),
    'link to folder': t.fixture('symlink', 'sub'),
    'link to outside': t.fixture('symlink', '../outside'),
    'link to link': t.fixture('symlink', 'link to outside'),
    'link to root': t.fixture('symlink', '.'),
    'link to parent': t.fixture('symlink', '..'),
    loop: t.fixture('symlink', 'loop'),
    'loop a': t.fixture('symlink', 'loop b'),
    'loop b': t.fixture('symlink', 'loop a'),
    dangling: t.fixture('symlink', 'nothing'),
    absolute: t.fixture('symlink', '/etc/passwd'),
    'to proc': t.fixture('symlink', '/proc/self/environ'),
    'to root of all': t.fixture('symlink', '/'),
    null: t.fixture('symlink', '/dev/null'),
    empty: {}
  }
})
const root = join(top, 'root')
await link(join(top, 'outside/secret'), join(root, 'hard link'))
await link(join(root, 'plain'), join(root, 'second name'))
await unlink(join(root, 'second name'))
spawnSync('mkfifo', [join(root, 'fifo')])
const unix = createServer().listen(join(root, 'sock'))
t.teardown(() => unix.close())
await writeFile(join(root, 'locked'), SECRET)

const REFUSED: readonly string[] = [
  '',
  '.',
  '..',
  '/',
  '//',
  './',
  '../',
  './.',
  './..',
  '...',
  '/etc/passwd',
  '//etc/passwd',
  '///etc/passwd',
  `${root}/plain`,
  '/plain',
  '/../plain',
  '../outside/secret',
  '../../etc/passwd',
  './../outside/secret',
  'sub/../../outside/secret',
  'sub/../../root/../outside/secret',
  'sub//..//..//outside//secret',
  `${'../'.repeat(40)}etc/passwd`,
  `sub/${'../'.repeat(1300)}etc/passwd`,
  '..\\outside\\secret',
  '..\\..\\etc\\passwd',
  'C:\\Windows\\win.ini',
  '\\\\host\\share\\file',
  '%2e%2e/outside/secret',
  '%2e%2e%2foutside%2fsecret',
  '..%2foutside/secret',
  '%252e%252e/outside/secret',
  '..%c0%afoutside/secret',
  '\uff0e\uff0e/outside/secret',
  '\u2025/outside/secret',
  '..\u2215outside\u2215secret',
  '..;/outside/secret',
  '~/.ssh/id_rsa',
  '~root/.bashrc',
  '$HOME/.bashrc',
  '`id`',
  '|id',
  'file:///etc/passwd',
  'plain\0',
  'plain\0.txt',
  '\0',
  '../outside/secret\0plain',
  'plain ',
  ' plain',
  'plain.',
  'PLAIN',
  'plain\n',
  'plain/',
  'plain/.',
  'plain/..',
  'plain/sub',
  'sub',
  'sub/',
  'sub/deep',
  'empty',
  'link to folder',
  'nothing',
  'sub/nothing',
  'cafe\u0301',
  'a\r\nb',
  'link up',
  'link to outside',
  'link to outside/secret',
  'link to outside/folder/deep',
  'link to link/secret',
  'link to root/../outside/secret',
  'link to parent/outside/secret',
  'link to root of all/etc/passwd',
  'to root of all/etc/passwd',
  'loop',
  'loop/plain',
  'loop a',
  'dangling',
  'absolute',
  'to proc',
  'null',
  'fifo',
  'sock',
  'hard link',
  'proc/self/environ',
  '/proc/self/environ',
  '/proc/self/cwd/package.json',
  '/dev/fd/0',
  'p'.repeat(255),
  'p'.repeat(256),
  'p/'.repeat(2048).slice(0, 4095),
  'p'.repeat(4096),
  'p'.repeat(4097),
  'p'.repeat(5000),
  `${'./'.repeat(2100)}plain`
]

/** Requests that are honoured, and what they give. */
const SERVED: Readonly<Record<string, string>> = {
  plain: 'plain',
  './plain': 'plain',
  'sub/deep/file': 'deep',
  'sub//deep///file': 'deep',
  'sub/../plain': 'plain',
  'with space': 'space',
  'a\nb': 'newline',
  'a\u001b[31mb': 'escape',
  'caf\u00e9': 'composed',
  '..dots': 'dots',
  '.hidden': 'hidden',
  'back\\slash': 'backslash',
  '%2e%2e': 'percent',
  'not a link': 'plain',
  'link to file': 'deep',
  'link to folder/deep/file': 'deep',
  'link to root/plain': 'plain',
  'link to root/link to root/sub/deep/file': 'deep',
  'link to parent/root/plain': 'plain',
  [`${'./'.repeat(2045)}plain`]: 'plain'
}

const shown = (path: string): string =>
  JSON.stringify(path.length > 80 ? `${path.slice(0, 60)}… (${path.length})` : path)

t.test('refusals are all the same', async t => {
  t.ok(REFUSED.length >= 60)
  await using exported = await openExportRoot(root)
  for (const path of REFUSED) {
    const error = await exported.open(path).catch(reason => reason)
    t.ok(SftError.is(error), shown(path))
    t.same([error.code, error.message, error.hint], ['ERR_SFT_NOT_FOUND', 'no such file', undefined], shown(path))
  }
})

t.test('what lies inside is served', async t => {
  await using exported = await openExportRoot(root)
  for (const [path, content] of Object.entries(SERVED)) {
    await using file = outgoingFile(await exported.open(path))
    const name = path.slice(path.lastIndexOf('/') + 1)
    t.match(file, { file: true, metadata: { name, size: content.length, mode: Number } }, shown(path))
    t.equal((await joinBytes(file.source(new AbortController().signal))).toString(), content)
  }
  await using linked = await openExportRoot(root, { hardLinks: true })
  await using file = outgoingFile(await linked.open('hard link'))
  t.equal(file.metadata.size, SECRET.length, 'only when the owner asks for it')
})

t.test('a file that may not be read', async t => {
  // root reads everything, so another user has to ask
  const uid = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  await chmod(join(root, 'locked'), 0)
  await Promise.all([chmod(top, 0o755), chmod(root, 0o755)])
  const module = fileURLToPath(new URL('../../src/transfer/export-root.ts', import.meta.url))
  const script = `
    const { openExportRoot } = await import(${JSON.stringify(module)})
    const root = await openExportRoot(${JSON.stringify(root)})
    await (await root.open('plain'))[Symbol.asyncDispose]()
    await root.open('locked').catch(error => console.log(error.code, error.message))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    ...uid
  })
  t.equal(stdout, 'ERR_SFT_NOT_FOUND no such file\n')
})

t.test('nothing stays open', async t => {
  const open = async () => (await readdir('/proc/self/fd')).length
  const before = await open()
  {
    await using exported = await openExportRoot(root)
    for (const path of [...REFUSED, ...REFUSED]) await exported.open(path).catch(() => {})
    await (await exported.open('plain'))[Symbol.asyncDispose]()
  }
  t.equal(await open(), before)
})

t.test('the root itself', async t => {
  for (const path of ['no-such', 'root/plain', 'root/loop'])
    await t.rejects(openExportRoot(join(top, path)), { code: 'ERR_SFT_NOT_FOUND' }, path)
  await mkdir(join(top, 'movable'))
  await writeFile(join(top, 'movable/file'), 'moved')
  await using exported = await openExportRoot(join(top, 'movable'))
  await rename(join(top, 'movable'), join(top, 'moved'))
  await symlink('outside', join(top, 'movable'))
  await (await exported.open('file'))[Symbol.asyncDispose]()
  await t.rejects(exported.open('secret'), { code: 'ERR_SFT_NOT_FOUND' }, 'what took its name is not served')
})

t.test('over a session every refusal is the same bytes', async t => {
  const organisation = await makeOrganisation()
  const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
  await using exported = await openExportRoot(root)
  const [near, far] = await sessionPair(alice, bob)
  const answering = far.answer({ open: async path => outgoingFile(await exported.open(path)) })
  const pieces: Uint8Array[] = []
  const destination: Destination = {
    kind: 'delivered',
    sink: () => async source => {
      for await (const piece of source) pieces.push(piece)
      return { bytes: 0 }
    }
  }
  for (const path of REFUSED) {
    const tooLong = path === '' || Buffer.byteLength(path) > 4096
    const code = tooLong ? 'ERR_SFT_USAGE' : 'ERR_SFT_NOT_FOUND'
    const message = tooLong ? String : 'the peer refused: not found'
    await t.rejects(near.get(path, destination), { code, message }, shown(path))
  }
  t.same(pieces, [])
  t.match(await near.get('plain', destination), { metadata: { name: 'plain', size: 5 } }, 'the session goes on')
  t.equal(Buffer.concat(pieces).toString(), 'plain')
  await near.close()
  await answering
})

t.test('links and folders that change while they are resolved never lead out', async t => {
  await using exported = await openExportRoot(root)
  await mkdir(join(root, 'race/real'), { recursive: true })
  await writeFile(join(root, 'race/real/secret'), 'inside')
  await truncate(join(root, 'race/real/secret'), 6)
  const script = `
    const fs = require('fs')
    const at = ${JSON.stringify(join(root, 'race'))}
    const end = Date.now() + 3000
    while (Date.now() < end) {
      fs.symlinkSync('real', at + '/new'); fs.renameSync(at + '/new', at + '/link')
      fs.symlinkSync('../../outside', at + '/new'); fs.renameSync(at + '/new', at + '/link')
      fs.renameSync(at + '/real', at + '/away'); fs.symlinkSync('../../outside', at + '/real')
      fs.unlinkSync(at + '/real'); fs.renameSync(at + '/away', at + '/real')
    }
    console.log('swapped')`
  const swapping = import('node:child_process').then(({ execFile }) => {
    const { promise, resolve } = Promise.withResolvers<string>()
    execFile(process.execPath, ['-e', script], (_, stdout) => resolve(stdout))
    return promise
  })
  const seen = { inside: 0, refused: 0, other: 0 }
  let over = false
  void swapping.then(() => {
    over = true
  })
  const ask = async (path: string): Promise<keyof typeof seen> => {
    try {
      await using opened = await exported.open(path)
      return readFileSync(opened.fd, 'utf8') === 'inside' ? 'inside' : 'other'
    } catch (error) {
      return SftError.is(error) && error.code === 'ERR_SFT_NOT_FOUND' ? 'refused' : 'other'
    }
  }
  while (!over) {
    const answers = await Promise.all([
      ask('race/link/secret'),
      ask('race/real/secret'),
      ask('race/real/../link/secret')
    ])
    for (const answer of answers) seen[answer]++
  }
  t.equal(await swapping, 'swapped\n')
  t.equal(seen.other, 0, JSON.stringify(seen))
  t.ok(seen.inside > 0 && seen.refused > 0, 'both sides of the race were seen')
  t.equal(await readFile(join(top, 'outside/secret'), 'utf8'), SECRET)
})
