import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { type Finished, shellOf } from '../fixtures/command.ts'
import { writtenFaultsOf } from '../fixtures/events-schema.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'

/** `--dry-run`: says what would be moved, fails as that would, and changes nothing on either side. */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: { tree: { sub: { a: 'a' }, b: 'bb' }, empty: {} }, bob: { inbox: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const file = seeded(1).bytes(2 * MIB)
const [inbox, served] = [join(bob.directory, 'inbox'), join(bob.directory, 'served')]
mkdirSync(join(served, 'tree'), { recursive: true })
for (const path of [join(alice.directory, 'file'), join(served, 'file'), join(served, 'tree/x')])
  writeFileSync(path, file)
const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const receiver = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice'], { timeout })
const [from, to] = [`bob@${server.address}`, `bob@${receiver.address}`]

const inAlice = (): string[] => readdirSync(alice.directory, { recursive: true }).map(String).sort()
const dry = (...args: string[]): Promise<Finished> => alice.run([...args, '--dry-run'])

interface Line {
  readonly type: string
  readonly [member: string]: unknown
}
const linesOf = ({ stdout }: Finished): Line[] =>
  `${stdout}`
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Line)

t.test('send: a file, and what the real one would fail with', async t => {
  t.match(await dry('send', 'file', to), {
    code: 0,
    bytes: 0,
    stderr: /^sft: would send to bob@\S+: file, 2\.0 MiB\n$/
  })
  t.match(await dry('send', 'file', to, '--name', 'other'), { code: 0, stderr: /: other, 2\.0 MiB\n$/ })
  t.match(await dry('send', 'nowhere', to), { code: 3 })
  t.match(await dry('send', 'file', to.replace('bob', 'carol')), { code: 41, stderr: /ERR_SFT_CERT_NAME/ })
  t.match(await dry('send', 'file', 'bob@127.0.0.1:1'), { code: 10 })
  t.match(await alice.run(['send', to, '-n'], { input: 'piped' }), {
    code: 0,
    stderr: /: a stream, of unknown size\n$/
  })
  t.same(readdirSync(inbox), [])
  t.match(await alice.run(['send', 'file', to]), { code: 0 }, 'and nothing of it is in the way')
})

t.test('send -r: each thing, and what is left out', async t => {
  symlinkSync('/etc/passwd', join(alice.directory, 'tree/out'))
  const planned = await dry('send', '-r', 'tree', to, '--exclude', 'b', '--json')
  t.match(planned, { code: 23, stderr: /would send to bob@\S+: tree, 3 entries, 1 B\n/ })
  const lines = linesOf(planned)
  t.same(lines.flatMap(writtenFaultsOf), [])
  t.same(
    lines.filter(({ type }) => type === 'entry').map(({ path, kind, bytes }) => [path, kind, bytes]),
    [
      ['tree', 'directory', 0],
      ['tree/sub', 'directory', 0],
      ['tree/sub/a', 'file', 1]
    ]
  )
  t.match(
    lines.filter(({ type }) => type === 'omitted'),
    [{ path: /out/ }]
  )
  t.match(lines.at(-1), {
    type: 'result',
    exitCode: 23,
    transfers: 0,
    plan: { direction: 'sent', peer: 'bob', name: 'tree', content: 'directory', entries: 3, bytes: 1, omitted: 1 }
  })
  const real = await alice.run(['send', '-r', 'tree', to, '--exclude', 'b'])
  t.match(real, { code: 23, stderr: /tree, 3 entries/ }, 'as the real one')
  t.match(await dry('send', '-r', 'empty', to), { code: 0, stderr: /: empty, 1 entry, 0 B\n$/ })
})

t.test('send into a pipe', async t => {
  t.match(await dry('send', 'file', '--to', 'alice'), {
    code: 0,
    bytes: 0,
    stderr: /would seal for alice: file, 2\.0 MiB/
  })
  t.match(await dry('send', 'file', '--to', 'nobody'), { code: 2, stderr: /ERR_SFT_UNKNOWN_PEER/ })
  t.match(await dry('send', 'file', '-o', 'tree'), { code: 2, stderr: /ERR_SFT_USAGE/ })
})

t.test('get: the peer says how large it is', async t => {
  const before = inAlice()
  t.match(await dry('get', from, 'file'), {
    code: 0,
    stderr: /would get from bob@\S+: file, 2\.0 MiB, as received_file\n$/
  })
  t.match(await dry('get', from, 'file', '-o', 'file'), { code: 45 })
  t.match(await dry('get', from, 'file', '-o', 'file', '--force'), { code: 0 })
  t.match(await dry('get', from, 'nowhere'), { code: 3 })
  t.match(await dry('get', '-r', from, 'tree'), { code: 0, stderr: /: tree, a directory, as received_tree\n$/ })
  const planned = await dry('get', from, 'file', '-o', '-', '--json')
  t.match(linesOf(planned).at(-1), { exitCode: 0, plan: { direction: 'received', name: 'file', bytes: 2 * MIB } })
  t.same(linesOf(planned).flatMap(writtenFaultsOf), [])
  t.same(inAlice(), before)
  t.ok(readFileSync(join(alice.directory, 'file')).equals(file))
})

t.test('recv: a stream is verified to its end, and kept nowhere', async t => {
  for (const [what, ...how] of [['file'], ['tree', '-r', '--exclude', 'out']] as const)
    t.match(await alice.run(['send', what, ...how, '-o', `${what}.sft`]), { code: 0 })
  const before = inAlice()
  t.match(await dry('recv', 'file.sft', '-o', 'new'), { code: 0, stderr: /would receive: file, 2\.0 MiB, as new\n$/ })
  t.match(await dry('recv', 'file.sft'), { code: 0, bytes: 0, stderr: /would receive: file, 2\.0 MiB\n$/ })
  t.match(await dry('recv', 'file.sft', '-o', 'empty'), { code: 0, stderr: /, as empty\/file\n$/ })
  t.match(await dry('recv', 'file.sft', '-o', 'file'), { code: 45 })
  t.match(await dry('recv', 'tree.sft', '-o', 'new'), {
    code: 0,
    stderr: /would receive: tree, 4 entries, a directory, as new\n$/
  })
  const sealed = readFileSync(join(alice.directory, 'file.sft'))
  sealed[MIB] = (sealed[MIB] as number) ^ 1
  writeFileSync(join(alice.directory, 'file.sft'), sealed)
  t.match(await dry('recv', 'file.sft', '-o', 'new'), { code: 40, stderr: /ERR_SFT_CHUNK_AUTH/ })
  t.same(inAlice(), before)
  t.match(await dry('recv', '--listen', ANY, '-o', 'empty'), { code: 2, stderr: /nobody knows/ })
})

t.test('--connect-timeout: a host that takes no connection', async t => {
  // its kernel has as many connections waiting as it takes, and nobody accepts them
  const program = `const s = require('net').createServer(); s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('fs').writeSync(1, s.address().port + '\\n'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50000) })`
  const stuck = bob.begin(['-e', program], { program: process.execPath })
  await stuck.until(({ stdout }) => stdout.includes('\n'))
  const port = Number(stuck.stdout)
  const filling: Socket[] = Array.from({ length: 2 }, () => connect(port, '127.0.0.1'))
  t.teardown(() => filling.forEach(each => void each.on('error', () => {}).destroy()))
  await Promise.all(filling.map(each => once(each, 'connect')))
  for (const command of [
    ['get', `bob@127.0.0.1:${port}`, 'file'],
    ['send', 'file', `bob@127.0.0.1:${port}`]
  ])
    t.match(await alice.run([...command, '--connect-timeout', '1s']), {
      code: 10,
      stderr: /\(no answer in 1 s\).*ERR_SFT_CONNECT/
    })
  t.match(await alice.run(['send', 'file', '-o', 'x.sft', '--connect-timeout', '1s']), { code: 2 })
  stuck.destroy()
})
