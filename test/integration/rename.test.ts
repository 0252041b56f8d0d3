import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sha256 } from '../fixtures/bytes.ts'
import { type Finished, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, proxy, type Wire } from '../fixtures/wire.ts'

/** Receivers that want one name, between processes (SPEC §8, M90): eight at once, and what has the name already. */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const RACERS = 8
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { served: { 'v1.2': { sub: { a: 'a' }, b: 'b' } } } })
const shellFor = async (name: string) => shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([shellFor('alice'), shellFor('bob')])
// large enough to be continued, so that they want one part as well
const file = seeded(3).bytes(5 * MIB)
const expected = sha256(file)
await writeFile(join(bob.directory, 'served/file.bin'), file)
await writeFile(join(alice.directory, 'file.bin'), file)
const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const peer = `bob@${server.address}`

const numbered = (name: string, extension: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => (n === 0 ? name + extension : `${name} (${n})${extension}`)).sort()
const racing = (run: () => Promise<Finished>): Promise<Finished[]> => Promise.all(Array.from({ length: RACERS }, run))
const place = async (name: string): Promise<string> => {
  const path = join(directory, name)
  await mkdir(path)
  return path
}
const inPlace = (path: string, names: readonly string[]): string[] => names.map(name => join(path, name)).sort()
/** The names or paths that were said, or the one that was wanted. */
const said = (ended: readonly Finished[], wanted: string): string[] =>
  ended.map(({ stderr }) => / (?:as|it is) ([^,\n]+)/.exec(stderr)?.[1] ?? wanted).sort()

async function allWhole(t: Test, path: string, names: readonly string[]): Promise<void> {
  t.same((await readdir(path)).sort(), names, 'and nothing else is left')
  for (const name of names) t.equal(sha256(await readFile(join(path, name))), expected, name)
}

t.test('eight get one file into one name: eight files, all whole, and each says its name', async t => {
  const path = await place('got')
  const ended = await racing(() => alice.run(['get', peer, 'file.bin', '-o', join(path, 'one.bin'), '--rename']))
  for (const each of ended) t.match(each, { code: 0, stderr: /received from .*: file\.bin/ })
  const names = numbered('one', '.bin', RACERS)
  t.same(said(ended, ''), inPlace(path, names))
  await allWhole(t, path, names)
})

t.test('eight send one file into one inbox; offer, receipt and audit have the name that was offered', async t => {
  const path = await place('inbox')
  const rules = ['--from', 'alice', '--audit', join(bob.directory, 'audit'), '--rename']
  const inbox = await bob.listen(['recv', '--listen', ANY, '-o', path, ...rules], { timeout })
  const to = `bob@${inbox.address}`
  const receipt = ['--receipt', join(alice.directory, 'receipt')]
  const ended = await Promise.all([
    ...Array.from({ length: RACERS - 1 }, () => alice.run(['send', 'file.bin', to])),
    alice.run(['send', 'file.bin', to, ...receipt])
  ])
  for (const each of ended) t.match(each, { code: 0, stderr: /sent to \S+: file\.bin, 5\.0 MiB, durable/ })
  inbox.kill('SIGTERM')
  const { stderr } = await inbox.ended
  const names = numbered('file', '.bin', RACERS)
  await allWhole(t, path, names)
  for (const name of names.slice(0, -1)) t.ok(stderr.includes(`alice: file.bin as ${name}, 5.0 MiB`), name)
  const lines = (await readFile(join(bob.directory, 'audit'), 'utf8')).trim().split('\n')
  const transfers = lines.map(line => JSON.parse(line)).filter(({ type }) => type === 'transfer')
  t.same(
    transfers.map(each => each.path),
    Array(RACERS).fill('file.bin')
  )
  t.same(transfers.map(({ renamed = 'file.bin' }) => renamed).sort(), names)
  const { name } = JSON.parse(await readFile(join(alice.directory, 'receipt'), 'utf8'))
  t.equal(name, 'file.bin')
})

t.test('eight open one pipe into one name', async t => {
  const path = await place('opened')
  t.match(await alice.run(['send', 'file.bin', '-o', 'sealed']), { code: 0 })
  const ended = await racing(() => alice.run(['recv', 'sealed', '-o', join(path, 'one'), '--rename']))
  t.same(said(ended, 'one'), numbered('one', '', RACERS))
  await allWhole(t, path, numbered('one', '', RACERS))
})

t.test('directories', async t => {
  const path = await place('trees')
  const ended = await racing(() => alice.run(['get', '-r', peer, 'v1.2', '-o', path, '--rename']))
  // one that is there is a place to put it
  const names = numbered('received_v1.2', '', RACERS)
  t.same(said(ended, ''), inPlace(path, names))
  t.same((await readdir(path)).sort(), names)
  for (const name of names) t.same((await readdir(join(path, name), { recursive: true })).sort(), ['b', 'sub', 'sub/a'])
})

t.test('without it one of eight has the name, and nothing of the others is left', async t => {
  for (const how of [[], ['--no-clobber']]) {
    const path = await place(`one${how.length}`)
    const ended = await racing(() => alice.run(['get', peer, 'file.bin', '-o', join(path, 'one'), ...how]))
    const [won, lost] = [ended.filter(({ code }) => code === 0), ended.filter(({ code }) => code !== 0)]
    t.equal(won.length, 1)
    // there, or another process is at it
    for (const each of lost) t.match(each, { stderr: /ERR_SFT_(EXISTS|BUSY)/ })
    await allWhole(t, path, ['one'])
  }
})

t.test('with --force all eight end whole, and the last has the name', async t => {
  const path = await place('forced')
  const all = await racing(() =>
    alice.run(['get', peer, 'file.bin', '-o', join(path, 'one'), '--force', '--no-resume'])
  )
  for (const each of all) t.match(each, { code: 0 })
  await allWhole(t, path, ['one'])
})

t.test('a renamed file finds what an earlier attempt has left of it', async t => {
  const path = await place('resumed')
  await writeFile(join(path, 'one.bin'), 'was there')
  const large = seeded(4).bytes(24 * MIB)
  await writeFile(join(bob.directory, 'served/large'), large)
  const port = Number(server.address.split(':').at(-1))
  const cut = await proxy(t, { host: '127.0.0.1', port }, () => ({ down: cutAt(12 * MIB) }))
  const get = (from: string) => alice.run(['get', from, 'large', '-o', join(path, 'one.bin'), '--rename'])
  t.match(await get(`bob@127.0.0.1:${cut.port}`), { code: 75 })
  t.match(await get(peer), {
    code: 0,
    stderr: /large as \S+\/resumed\/one \(1\)\.bin, 24\.0 MiB, resumed at \d+\.0 MiB/
  })
  t.same((await readdir(path)).sort(), ['one (1).bin', 'one.bin'])
  t.equal(await readFile(join(path, 'one.bin'), 'utf8'), 'was there')
  t.equal(sha256(await readFile(join(path, 'one (1).bin'))), sha256(large))
})

/** What a transfer that was cut has left. */
async function cutOff(t: Test, to: { address: string }, wire: Wire, run: (peer: string) => Promise<Finished>) {
  const port = Number(to.address.split(':').at(-1))
  const cut = await proxy(t, { host: '127.0.0.1', port }, () => wire)
  t.match(await run(`bob@127.0.0.1:${cut.port}`), { code: 75 })
}

/** One of them goes on with it, the others begin, and all have a name. */
async function oneGoesOn(t: Test, ended: readonly Finished[]): Promise<void> {
  for (const each of ended) t.match(each, { code: 0 })
  t.equal(ended.filter(({ stderr }) => stderr.includes('resumed at')).length, 1)
}

t.test('M90: of eight that find what a dead attempt has left one goes on with it', async t => {
  const path = await place('left')
  const large = seeded(5).bytes(12 * MIB)
  for (const place of [join(bob.directory, 'served/left'), join(alice.directory, 'left')]) await writeFile(place, large)
  const wholeAs = async (where: string, name: string) => {
    const names = numbered(name, '', RACERS)
    t.same((await readdir(where)).sort(), names)
    for (const each of names) t.equal(sha256(await readFile(join(where, each))), sha256(large), each)
  }
  const get = (from: string) => alice.run(['get', from, 'left', '-o', join(path, 'one'), '--rename'])
  await cutOff(t, server, { down: cutAt(6 * MIB) }, get)
  await oneGoesOn(t, await racing(() => get(peer)))
  await wholeAs(path, 'one')

  const inboxPath = await place('left-inbox')
  const inbox = await bob.listen(['recv', '--listen', ANY, '-o', inboxPath, '--from', 'alice', '--rename'], { timeout })
  const send = (to: string) => alice.run(['send', 'left', to])
  await cutOff(t, inbox, { up: cutAt(6 * MIB) }, send)
  await oneGoesOn(t, await racing(() => send(`bob@${inbox.address}`)))
  inbox.kill('SIGTERM')
  await inbox.ended
  await wholeAs(inboxPath, 'left')
})

t.test('M90: of a directory as well', async t => {
  const path = await place('left-trees')
  await mkdir(join(bob.directory, 'served/tree'))
  for (const name of ['a', 'b', 'c'])
    await writeFile(join(bob.directory, 'served/tree', name), seeded(6).bytes(4 * MIB))
  const get = (from: string) => alice.run(['get', '-r', from, 'tree', '-o', path, '--rename'])
  await cutOff(t, server, { down: cutAt(9 * MIB) }, get)
  await oneGoesOn(t, await racing(() => get(peer)))
  t.same((await readdir(path)).sort(), numbered('received_tree', '', RACERS))
})

t.test('one of them is enough', async t => {
  for (const command of [
    ['get', peer, 'file.bin'],
    ['recv', 'x'],
    ['recv', '--listen', ANY, '-o', 'x']
  ])
    for (const both of [
      ['--force', '--rename'],
      ['--rename', '--no-clobber'],
      ['-f', '--no-clobber']
    ])
      t.match(await alice.run([...command, ...both]), { code: 2, stderr: /ERR_SFT_USAGE/ }, both.join(' '))
})
