import { existsSync } from 'node:fs'
import { appendFile, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { sha256 } from '../fixtures/bytes.ts'
import { type Finished, type Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, proxy, stallAt, through } from '../fixtures/wire.ts'

/** Transfers that are cut, killed and taken up again, between processes (SPEC §8.4). */

const MIB = 1024 * 1024
const SIZE = 24 * MIB + 5
const ANY = '127.0.0.1:0'
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: { inbox: {} }, bob: { served: {}, inbox: {} }, carol: {} })
const shellFor = async (name: string): Promise<Shell> =>
  shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob, carol] = await Promise.all([shellFor('alice'), shellFor('bob'), shellFor('carol')])
const random = seeded()
t.comment(`seed ${random.seed}`)
const file = seeded(2).bytes(SIZE)
const expected = sha256(file)
for (const path of [join(alice.directory, 'file'), join(bob.directory, 'served/file')]) await writeFile(path, file)

const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const from = ['--from', 'alice', '--from', 'carol']
const inbox = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--force', ...from], { timeout })
const received = join(bob.directory, 'inbox')
const peerAt = ({ address }: { address: string }): string => `bob@${address}`

const get = (peer: string, name: string, ...more: string[]) => alice.run(['get', peer, 'file', '-o', name, ...more])
const send = (peer: string, name: string, from = alice) => from.run(['send', 'file', peer, '--name', name])
const leftOf = async (place: string, name: string): Promise<string[]> =>
  (await readdir(place)).filter(each => each.startsWith(`.${name}.`))
const until = async (found: () => Promise<boolean>): Promise<void> => {
  while (!(await found())) await delay(20)
}
const resumedAt = ({ stderr }: Finished): number => Number(/resumed at ([\d.]+) MiB/.exec(stderr)?.[1] ?? 0)

async function whole(t: Test, place: string, name: string): Promise<void> {
  t.equal(sha256(await readFile(join(place, name))), expected, `${name} is whole`)
  t.same(await leftOf(place, name), [], 'and nothing is left')
}

t.test('M63: a get that was cut goes on where it ended', async t => {
  const cut = await through(t, server, { down: cutAt(15 * MIB) })
  const first = await get(cut, 'cut')
  t.match(first, { code: 75, stderr: /ERR_SFT_CONNECTION_LOST\]\nsft: to go on where it ended: sft get / })
  t.ok(first.stderr.endsWith(`: sft get ${cut} file -o cut\n`), first.stderr)
  t.same((await leftOf(alice.directory, 'cut')).length, 2, 'the part and its journal')
  const twice = await through(t, server, { down: cutAt(6 * MIB) })
  t.match(await get(twice, 'cut'), { code: 75 })
  const last = await get(peerAt(server), 'cut')
  t.match(last, { code: 0, stderr: /24\.0 MiB, resumed at \d+\.0 MiB, durable/ })
  t.ok(resumedAt(last) > 6, 'what both had brought, but for what was under way')
  await whole(t, alice.directory, 'cut')
})

t.test('M63: a send that was cut goes on where it ended, for its sender only', async t => {
  const cut = await through(t, inbox, { up: cutAt(15 * MIB) })
  t.match(await send(cut, 'sent'), { code: 75 })
  await inbox.until(({ stderr }) => /connection of alice failed/.test(stderr))
  await writeFile(join(carol.directory, 'file'), 'of carol')
  t.match(await send(peerAt(inbox), 'sent', carol), { code: 0 })
  t.equal(await readFile(join(received, 'sent'), 'utf8'), 'of carol')
  t.equal((await leftOf(received, 'sent')).length, 2, "alice's part is still there")
  const last = await send(peerAt(inbox), 'sent')
  t.match(last, { code: 0, stderr: /resumed at \d+\.0 MiB/ })
  await whole(t, received, 'sent')
})

t.test('M63: what has changed meanwhile begins anew', async t => {
  const place = join(bob.directory, 'served/changing')
  await writeFile(place, file)
  const get = (peer: string) => alice.run(['get', peer, 'changing', '-o', 'changing'])
  t.match(await get(await through(t, server, { down: cutAt(15 * MIB) })), { code: 75 })
  const { atime, mtime } = await stat(place)
  const other = Buffer.from(file)
  other[5] = (other[5] as number) ^ 1
  await writeFile(place, other)
  await utimes(place, atime, mtime)
  const again = await get(peerAt(server))
  t.match(again, {
    code: 0,
    stderr: /^sft: changing has changed since; beginning anew \(\d+\.\d MiB of it were there\)\n/
  })
  t.equal(resumedAt(again), 0)
  t.equal(sha256(await readFile(join(alice.directory, 'changing'))), sha256(other))
  t.same(await leftOf(alice.directory, 'changing'), [])
})

t.test('M63: a push that begins anew is said on both sides', async t => {
  const place = join(alice.directory, 'pushed')
  await writeFile(place, file)
  t.match(await alice.run(['send', 'pushed', await through(t, inbox, { up: cutAt(15 * MIB) })]), {
    code: 75,
    stderr: /\nsft: to go on where it ended: sft send pushed bob@127\.0\.0\.1:\d+\n$/
  })
  await inbox.until(() => existsSync(join(received, 'pushed')) || inbox.stderr.includes('connection of alice failed'))
  await writeFile(place, file.subarray(7))
  const said = /sft: pushed has changed since; beginning anew \(\d+\.\d MiB of it were there\)\n/
  t.match(await alice.run(['send', 'pushed', peerAt(inbox)]), { code: 0, stderr: said })
  await inbox.until(({ stderr }) => said.test(stderr))
  t.equal(sha256(await readFile(join(received, 'pushed'))), sha256(file.subarray(7)))
  t.same(await leftOf(received, 'pushed'), [])
})

t.test('an interruption says how to go on, and where nothing is kept a lost connection how to try again', async t => {
  const slow = await through(t, server, { down: stallAt(12 * MIB) })
  const name = "it's here"
  const moving = alice.begin(['get', slow, 'file', '-o', name])
  await until(async () => (await leftOf(alice.directory, name)).length > 1)
  await delay(300)
  moving.kill('SIGINT')
  t.match(await moving.ended, {
    code: 130,
    stderr: /^sft: interrupted by SIGINT\nsft: to go on where it ended: sft get \S+ file -o 'it'\\''s here'\n$/
  })
  const stopped = await get(await through(t, server, { down: cutAt(2 * MIB) }), 'none', '--no-resume')
  t.match(stopped, { code: 75, stderr: /\nsft: to try again: sft get \S+ file -o none --no-resume\n$/ })
  t.match(
    await get('bob@127.0.0.1:1', 'none'),
    { code: 10, stderr: /^[^\n]+\n$/ },
    'nothing of it when never connected'
  )
})

t.test('over several connections, with chunks of another size, and from where chunks had another size', async t => {
  const cut = await through(t, server, { down: cutAt(11 * MIB) })
  t.match(await get(cut, 'striped', '--streams', '2'), { code: 75 })
  const last = await get(peerAt(server), 'striped', '--streams', '3')
  t.match(last, { code: 0, stderr: /resumed at/ })
  await whole(t, alice.directory, 'striped')
  const sent = (size: string, peer: string) =>
    alice.run(['send', 'file', peer, '--name', 'small', '--chunk-size', size])
  t.match(await sent('64K', await through(t, inbox, { up: cutAt(11 * MIB + 40_000) })), { code: 75 })
  t.match(await sent('1M', peerAt(inbox)), { code: 0, stderr: /resumed at \d+\.0 MiB/ })
  await whole(t, received, 'small')
})

t.test('--retry reconnects, and goes on', async t => {
  const cuts = [15 * MIB, 6 * MIB]
  const { port } = await proxy(t, { host: '127.0.0.1', port: Number(server.address.split(':').at(-1)) }, () => {
    const at = cuts.shift()
    return at === undefined ? {} : { down: cutAt(at) }
  })
  const once = await get(`bob@127.0.0.1:${port}`, 'retried', '--retry', '1')
  t.match(once, { code: 75, stderr: /trying again in \d/ })
  const last = await get(`bob@127.0.0.1:${port}`, 'retried', '--retry', '5')
  t.match(last, { code: 0, stderr: /resumed at \d+\.0 MiB/ })
  await whole(t, alice.directory, 'retried')
  t.match(await get('bob@127.0.0.1:1', 'never', '--retry', '2'), {
    code: 10,
    stderr: /(trying again.*\n.*){2}ERR_SFT_CONNECT/
  })
  t.match(
    await get(peerAt(server), 'retried', '--retry', '2'),
    { code: 45, stderr: /^[^\n]*exists[^\n]*\n$/ },
    'no use'
  )
  t.match(await alice.run(['send', '-', peerAt(inbox), '--retry', '1'], { input: 'x' }), { code: 2, stderr: /twice/ })
})

t.test('--no-resume begins anew, and leaves nothing', async t => {
  const cut = () => through(t, server, { down: cutAt(15 * MIB) })
  t.match(await get(await cut(), 'anew', '--no-resume'), { code: 75 })
  t.same(await leftOf(alice.directory, 'anew'), [])
  t.match(await get(await cut(), 'anew'), { code: 75 })
  const last = await get(peerAt(server), 'anew', '--no-resume')
  t.equal(resumedAt(last), 0)
  t.equal(sha256(await readFile(join(alice.directory, 'anew'))), expected)
})

t.test('M65: after a power cut only what was on the disk counts', async t => {
  const large = Buffer.concat([file, file, file, file, file])
  await writeFile(join(bob.directory, 'served/large'), large)
  for (const [name, source, bytes, garble] of [
    ['power', 'large', large, (text: string) => text.replace(/"boot":"[^"]*"/, '"boot":"another"')],
    ['torn', 'file', file, (text: string) => text.slice(0, 40)]
  ] as const) {
    const flushed = bytes === large
    const get = (peer: string) => alice.run(['get', peer, source, '-o', name])
    const cut = await through(t, server, { down: cutAt(flushed ? 100 * MIB : 15 * MIB) })
    t.match(await get(cut), { code: 75 })
    const left = await leftOf(alice.directory, name)
    const part = join(alice.directory, left.find(each => each.endsWith('.part')) ?? '')
    const text = await readFile(`${part}.journal`, 'utf8')
    await writeFile(`${part}.journal`, garble(text))
    // what the file system made of what was not on the disk
    await appendFile(part, Buffer.alloc(MIB))
    const last = await get(peerAt(server))
    t.match(last, { code: 0 })
    const at = resumedAt(last)
    t.ok(flushed ? at >= 32 && text.includes(`\n${at * MIB}\n`) : at === 0, last.stderr)
    t.equal(sha256(await readFile(join(alice.directory, name))), sha256(bytes))
    t.same(await leftOf(alice.directory, name), [])
  }
})

t.test('M66: a part that is somebody else’s, has another name too, or is being written is left alone', async t => {
  t.match(await get(await through(t, server, { down: cutAt(15 * MIB) }), 'linked'), { code: 75 })
  const [name = ''] = (await leftOf(alice.directory, 'linked')).filter(each => each.endsWith('.part'))
  await alice.run([name, 'other-name'], { program: 'ln' })
  const before = sha256(await readFile(join(alice.directory, 'other-name')))
  t.equal(resumedAt(await get(peerAt(server), 'linked')), 0)
  await whole(t, alice.directory, 'linked')
  t.equal(sha256(await readFile(join(alice.directory, 'other-name'))), before, 'not written to')

  t.match(await get(await through(t, server, { down: cutAt(15 * MIB) }), 'busy'), { code: 75 })
  const [part = ''] = (await leftOf(alice.directory, 'busy')).filter(each => each.endsWith('.part'))
  const lock = join(alice.directory, `${part}.lock`)
  await writeFile(lock, String(process.pid))
  t.match(await get(peerAt(server), 'busy'), { code: 10, stderr: /another process receives this file/ })
  await writeFile(lock, '999999999')
  t.match(await get(peerAt(server), 'busy'), { code: 0, stderr: /resumed at/ })
  await whole(t, alice.directory, 'busy')
})

t.test('what nobody takes up again, gc removes', async t => {
  t.match(await get(await through(t, server, { down: cutAt(9 * MIB) }), 'given-up'), { code: 75 })
  const left = (): Promise<string[]> => leftOf(alice.directory, 'given-up')
  t.equal((await left()).length, 2)
  t.match(await alice.run(['gc']), { code: 0, stderr: '' }, 'not yet')
  const then = new Date(Date.now() - 8 * 86_400_000)
  for (const name of await left()) await utimes(join(alice.directory, name), then, then)
  t.match(await alice.run(['gc', '-n']), { code: 0, stderr: /^sft: would remove \.given-up[^\n]+ MiB\n$/ })
  t.equal((await left()).length, 2)
  const { stdout } = await alice.run(['gc', '--json', alice.directory])
  t.match(JSON.parse(stdout.toString()), { path: /given-up/, bytes: Number, removed: true })
  t.same(await left(), [])
  t.match(await alice.run(['gc', '--older-than', '5m']), { code: 2 })
})
