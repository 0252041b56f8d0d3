import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { spkiHash } from '../../src/auth/certificates/keys.ts'
import type { Identity } from '../../src/auth/identity/identity.ts'
import { Engine } from '../../src/transfer/engine.ts'
import { sealStream } from '../../src/transfer/pipe.ts'
import { TREE } from '../../src/transfer/tree/entry.ts'
import { archive, directory as archiveDirectory, text } from '../fixtures/archives.ts'
import { type Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, through } from '../fixtures/wire.ts'

/** Directories between processes: the command, both ways, cut and taken up again (SPEC §8.5). */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {} } })
const shellFor = (identity: Identity): Promise<Shell> => shellOf(t, join(directory, identity.name), identity)
const [identity, other] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const [alice, bob] = await Promise.all([shellFor(identity), shellFor(other)])
const random = seeded(8)
const tree = join(alice.directory, 'tree')
for (const each of ['', 'd', 'd/e', 'empty']) mkdirSync(join(tree, each))
for (let i = 0; i < 300; i++) writeFileSync(join(tree, 'd/e', `f${i}`), random.bytes(i * 20))
writeFileSync(join(tree, 'big'), random.bytes(24 * MIB))
writeFileSync(Buffer.from(`${tree}/n\xffame`, 'latin1'), 'bytes')
symlinkSync('d/e/f7', join(tree, 'link'))
execFileSync('cp', ['-a', tree, join(bob.directory, 'served')])

const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const inbox = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice'], { timeout })
const received = join(bob.directory, 'inbox')
const same = (left: string, right: string): unknown => execFileSync('diff', ['-r', '--no-dereference', left, right])

t.test('M72: a send that was cut goes on where it ended', async t => {
  const cut = await through(t, inbox, { up: cutAt(15 * MIB) })
  t.match(await alice.run(['send', '-r', 'tree', cut]), { code: 75 })
  await inbox.until(({ stderr }) => /connection of alice failed/.test(stderr))
  t.equal(readdirSync(received).filter(name => name.endsWith('.part')).length, 1)
  const sent = await alice.run(['send', '-r', 'tree', `bob@${inbox.address}`])
  t.match(sent, { code: 0, stderr: /tree, 307 entries, .*resumed at \d+\.0 MiB, durable/ })
  same(tree, join(received, 'tree'))
  t.same(readdirSync(received), ['tree'])
  t.match(await alice.run(['send', '-r', 'tree', `bob@${inbox.address}`]), { code: 45 })
})

t.test('M72: a get that was cut goes on, and begins anew when something has changed', async t => {
  const args = ['.', '-r', '-o', 'got']
  t.match(await alice.run(['get', await through(t, server, { down: cutAt(9 * MIB) }), ...args]), { code: 75 })
  t.match(await alice.run(['get', `bob@${server.address}`, ...args]), { code: 0, stderr: /resumed at \d/ })
  same(tree, join(alice.directory, 'got'))
  const again = ['.', '-r', '-o', 'again']
  t.match(await alice.run(['get', await through(t, server, { down: cutAt(9 * MIB) }), ...again]), { code: 75 })
  writeFileSync(join(bob.directory, 'served/big'), 'smaller now')
  const whole = await alice.run(['get', `bob@${server.address}`, ...again])
  t.match(whole, { code: 0 })
  t.notMatch(whole.stderr, /resumed/)
  same(join(bob.directory, 'served'), join(alice.directory, 'again'))
})

t.test('M71: what is not served is left out, and said', async t => {
  linkSync(join(bob.directory, 'served/d/e/f1'), join(bob.directory, 'served/d/hard'))
  const got = await alice.run(['get', `bob@${server.address}`, 'd', '-r'])
  t.match(got, { code: 23, stderr: /2 entries were left out; the rest is complete; hint: bob was told which/ })
  t.match(got.stderr, /received from \S+: d as received_d, \d+ entries, .* 2 left out\n/)
  t.notMatch(got.stderr, /hard|f1/, 'their names stay there')
  await server.says(/left out for alice: d\/hard: has another name\n/)
  await server.says(/left out for alice: d\/e\/f1: has another name\n/)
  await server.says(/sent to alice: d, \d+ entries, .* 2 left out\n/)
  t.same(readdirSync(join(alice.directory, 'received_d')), ['e'])
  for (const path of ['..', 'd/../..', '/', 'd/e/f1', 'nope'])
    t.match(await alice.run(['get', `bob@${server.address}`, path, '-r', '-o', 'x']), { code: 3 }, path)
})

t.test('a whole root says where it is, and a server says in JSON what it leaves out', async t => {
  mkdirSync(join(bob.directory, 'little/sub'), { recursive: true })
  symlinkSync('/etc', join(bob.directory, 'little/sub/out'))
  const little = await bob.listen(['serve', 'little', '--listen', ANY], { timeout })
  const got = await alice.run(['get', `bob@${little.address}`, '.', '-r', '-o', 'folder'])
  t.match(got, { code: 23, stderr: /received from \S+: all that is served as folder, 2 entries, / })
  t.match(await alice.run(['get', `bob@${little.address}`, '.', '-r', '-o', 'folder']), { code: 23 })
  t.same(readdirSync(join(alice.directory, 'folder')).sort(), ['received_shared', 'sub'])
  const again = await alice.run(['get', `bob@${little.address}`, '.', '-r', '-o', 'folder', '--rename'])
  t.match(again.stderr, /all that is served as folder\/received_shared \(1\), 2 entries/)
  await little.says(/sent to alice: all that is served, 2 entries, .* 1 left out\n/)
  const told = await bob.begin(['serve', 'little', '--listen', ANY, '--json'], { timeout })
  await told.until(({ stdout }) => /"listening"/.test(String(stdout)))
  const { port } = JSON.parse(String(told.stdout).split('\n')[1] ?? '')
  t.match(await alice.run(['get', `bob@127.0.0.1:${port}`, 'sub', '-r', '-o', 'sub']), { code: 23 })
  await told.until(({ stdout }) => /"end"/.test(String(stdout)))
  const lines = String(told.stdout)
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(
    lines.filter(({ type }) => type === 'omitted'),
    [{ peer: 'alice', name: 'sub', path: 'out', why: 'leads out of the directory' }]
  )
})

t.test('M71: who takes one directory ends with 23, too, and is told where to look', async t => {
  const once = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--once', '--from', 'alice'])
  mkdirSync(join(alice.directory, 'partly'))
  symlinkSync('/etc', join(alice.directory, 'partly/out'))
  const sent = await alice.run(['send', '-r', 'partly', `bob@${once.address}`])
  t.match(sent, { code: 23, stderr: /left out: out: leads out of the directory\n.*sent to .* 1 left out\n/s })
  t.match(await once.ended, { code: 23, stderr: /received from alice: partly, .* 1 left out\n/ })
  t.match(once.stderr, /1 entry was left out; the rest is complete; hint: alice was told which/)
})

t.test('M59, M71: under a policy what is not allowed is as if it were not there, whatever it is', async t => {
  const root = join(bob.directory, 'guarded')
  for (const each of ['open', 'closed/sub']) mkdirSync(join(root, each), { recursive: true })
  for (const each of ['open/file', 'closed/file', 'closed/sub/file']) writeFileSync(join(root, each), each)
  for (const each of ['open', 'closed']) {
    execFileSync('mkfifo', [join(root, each, 'fifo')])
    symlinkSync('/etc/passwd', join(root, each, 'out'))
    linkSync(join(root, each, 'file'), join(root, `${each}/other`))
  }
  const policy = { rules: [{ who: ['alice'], may: 'get', where: ['open/**'] }] }
  await writeFile(join(bob.directory, 'policy.json'), JSON.stringify(policy))
  const args = ['serve', 'guarded', '--listen', ANY, '--policy', 'policy.json']
  const guarded = await bob.listen(args, { timeout })
  const get = (path: string, ...more: string[]) =>
    alice.run(['get', `bob@${guarded.address}`, path, '-r', '-o', 'allowed', '--rename', ...more])
  t.match(await get('.'), { code: 23, stderr: /4 entries were left out/ }, 'of the open ones only')
  t.match(await get('open'), { code: 23, stderr: /4 entries were left out/ })
  t.notMatch(guarded.stderr, /left out for alice: closed/)
  const said = (await get('no such')).stderr
  for (const path of ['closed', 'closed/sub', 'closed/../closed']) t.match(await get(path), { code: 3, stderr: said })
  await guarded.says(/denied: alice may not get closed\/sub\n/)
  const some = async (...paths: string[]) => {
    writeFileSync(join(alice.directory, 'list'), paths.map(path => `${path}\n`).join(''))
    return (await get('.', '--files-from', 'list')).stderr.replace(/^.*received.*$/m, '')
  }
  const missing = await some('open/none')
  t.match(missing, /1 entry was left out/)
  for (const path of ['closed/none', 'closed/file', 'closed', 'closed/fifo', 'closed/out', 'closed/other'])
    t.equal(await some(path), missing, path)
})

t.test('a pipe unpacks, or gives what tar reads', async t => {
  await mkdir(join(alice.directory, 'out'))
  symlinkSync('/etc', join(tree, 'outside'))
  const sealed = await alice.run(['send', '-r', 'tree', '-o', 'tree.sft'])
  t.match(sealed, { code: 23, stderr: /left out: outside: leads out of the directory/ })
  t.match(await alice.run(['recv', 'tree.sft', '-o', 'out']), { code: 23 })
  t.same(readdirSync(join(alice.directory, 'out/tree')).length, 5)
  await alice.run(['recv', 'tree.sft', '-o', 'copy'])
  same(join(alice.directory, 'out/tree'), join(alice.directory, 'copy'))
  const plain = await alice.run(['send', '-r', 'tree', '-o', 'some.sft', '--include', 'f2*', '--exclude', 'f29?'])
  t.match(plain, { code: 0 })
  const { stdout } = await alice.run(['recv', 'some.sft'])
  const names = execFileSync('tar', ['tf', '-'], { input: stdout, encoding: 'utf8' }).trimEnd().split('\n')
  t.equal(names.filter(name => /\/f2\d*$/.test(name)).length, 101)
  t.equal(names.length, 104, 'and the directories that lead there')
  t.match(await alice.run(['recv', 'tree.sft']), { code: 23, stderr: /1 entry was left out/ })
})

t.test('M92: what is handed on as an archive is checked all the same', async t => {
  const got = await alice.run(['get', `bob@${server.address}`, 'd', '-r', '-o', '-'])
  t.match(got, {
    code: 23,
    stderr: /received from .*: d, \d+ entries, .*delivered, 2 left out\n.*2 entries were left out/s
  })
  t.equal(execFileSync('tar', ['tf', '-'], { input: got.stdout, encoding: 'utf8' }).split('\n')[0], 'd/')
  const hostile = archive(archiveDirectory('top'), text('top/../../evil'))
  await using engine = new Engine({ identity, threads: 0 })
  const metadata = { kind: TREE }
  const seal = sealStream({
    identity,
    recipients: [{ ...identity, spkiHash: spkiHash(identity.publicKey) }],
    pool: engine.pool,
    metadata,
    suite: 'aes-256-gcm',
    file: true,
    owned: false
  })
  await writeFile(join(alice.directory, 'hostile.sft'), seal([hostile]))
  const opened = await alice.run(['recv', 'hostile.sft'])
  t.match(opened, { code: 12, stderr: /ERR_SFT_ENCODING/ })
  t.notMatch(opened.stdout.toString('latin1'), 'evil')
})

t.test('-r and its filters', async t => {
  const usage = [
    ['send', '--exclude', 'a', 'tree'],
    ['send', '-r', '-'],
    ['send', '-r', 'tree', '-o', 'x', '-0'],
    ['get', 'bob@127.0.0.1:1', 'd', '--include', 'a']
  ]
  for (const args of usage) t.match(await alice.run(args), { code: 2 }, args.join(' '))
  t.match(await alice.run(['send', 'tree', '-o', 'x']), { code: 3, stderr: /-r sends it/ })
  writeFileSync(join(alice.directory, 'list'), 'd/e/f1\0d/e/f2\0')
  const listed = ['send', '-r', 'tree', '--files-from', 'list', '-0', '--name', 'two', `bob@${inbox.address}`]
  t.match(await alice.run(listed), { code: 0 })
  t.same(readdirSync(join(received, 'two/d/e')), ['f1', 'f2'])
  t.equal((await readFile(join(received, 'two/d/e/f2'))).byteLength, 40)
})
