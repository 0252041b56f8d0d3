import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { sha256 } from '../fixtures/bytes.ts'
import { type Running, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, type Direction, flip, proxy, type Wire } from '../fixtures/wire.ts'

/** The command with `--streams`, between processes, over a wire that cuts, flips or refuses single connections (SPEC §8.1, M43). */

const MIB = 1024 * 1024
const SIZE = 24 * MIB + 5
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { served: {}, inbox: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const random = seeded()
t.comment(`seed ${random.seed}`)
const file = seeded(1).bytes(SIZE)
const expected = sha256(file)
await writeFile(join(alice.directory, 'file'), file)
await writeFile(join(bob.directory, 'served/file'), file)

const ANY = '127.0.0.1:0'
/** For all of the tests, on a machine that does other things too. */
const timeout = 170_000
const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const inbox = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice', '--force'], { timeout })
const portOf = (running: { address: string }): number => Number(running.address.split(':').at(-1))

/** A proxy that treats connection `victim` by `wire`, counted from 0 at every `reset`. */
async function between(t: Test, to: { address: string }, victim: number, wire: Wire) {
  let count = 0
  const { port } = await proxy(t, { host: '127.0.0.1', port: portOf(to) }, () => (count++ === victim ? wire : {}))
  return { peer: `bob@127.0.0.1:${port}`, dialled: () => count }
}

const get = (peer: string, name: string) =>
  alice.run(['get', peer, 'file', '-o', name, '--streams', '4', '--no-resume'])
const send = (peer: string, name: string) => alice.run(['send', 'file', peer, '--name', name, '--streams', '4'])
const none = async (path: string): Promise<string[]> => (await readdir(path)).filter(name => /^\.?never/.test(name))

t.test('get and send over 4 connections', async t => {
  const down = await between(t, server, -1, {})
  t.match(await get(down.peer, 'whole'), { code: 0, stderr: /durable, over [234] connections\n/ })
  t.equal(down.dialled(), 4)
  t.equal(sha256(await readFile(join(alice.directory, 'whole'))), expected)
  const up = await between(t, inbox, -1, {})
  t.match(await send(up.peer, 'whole'), { code: 0, stderr: /durable, over [234] connections\n/ })
  t.equal(up.dialled(), 4)
  t.equal(sha256(await readFile(join(bob.directory, 'inbox/whole'))), expected)
  await inbox.says(/received from alice: whole, 24\.0 MiB, durable, over [234] connections\n/)
})

t.test('standard input to standard output', async t => {
  const to = await bob.listen(['recv', '--listen', ANY, '--from', 'alice'])
  t.match(await alice.run(['send', `bob@${to.address}`, '--streams', '8'], { input: file }), { code: 0 })
  const { code, stdout } = await to.ended
  t.same([code, sha256(stdout)], [0, expected])
})

t.test('usage', async t => {
  for (const streams of ['0', '17', 'x', '-1'])
    t.match(await alice.run(['get', 'bob@127.0.0.1:1', 'file', '--streams', streams]), { code: 2 }, streams)
  t.match(await alice.run(['send', 'file', 'bob@127.0.0.1:1', '--streams', '17']), { code: 2, stderr: /1 to 16/ })
  t.match(await alice.run(['send', 'file', '--streams', '2']), { code: 2, stderr: /pipe/ })
})

t.test('connections that can not be had are no fault', async t => {
  let count = 0
  const refuse: Direction = () => undefined
  const { port } = await proxy(t, { host: '127.0.0.1', port: portOf(server) }, () =>
    count++ % 4 === 0 ? {} : { up: refuse }
  )
  t.match(await get(`bob@127.0.0.1:${port}`, 'alone'), { code: 0, stderr: /durable, over 1 connection\n/ })
  t.equal(sha256(await readFile(join(alice.directory, 'alone'))), expected)
})

t.test('one connection cut anywhere: both sides end with 75, and nothing is left', async t => {
  for (let i = 0; i < 3; i++) {
    const victim = 1 + random.int(3)
    // past JOIR, so that the stripe is one of the stream, and within the one chunk that each connection carries at least
    const offset = 400 + random.int(900 * 1024)
    const before = server.stderr.length
    const down = await between(t, server, victim, { down: cutAt(offset) })
    t.match(await get(down.peer, 'never'), { code: 75, stderr: /CONNECTION_LOST/ }, `get, ${victim} at ${offset}`)
    await server.until(({ stderr }) => /connection of alice failed/.test(stderr.slice(before)))
    t.same(await none(alice.directory), [])

    const once = await bob.listen(['recv', '--listen', ANY, '-o', 'never', '--from', 'alice', '--no-resume'])
    const up = await between(t, once, victim, { up: cutAt(offset) })
    t.match(await send(up.peer, 'never'), { code: 75, stderr: /CONNECTION_LOST/ }, `send, ${victim} at ${offset}`)
    t.match(await once.ended, { code: 75 }, 'its receiver')
    t.same(await none(bob.directory), [])
  }
})

t.test('cut during the join: fewer connections, or none is missed', async t => {
  for (let i = 0; i < 3; i++) {
    // within the 110 bytes of a JOIN: one that has passed is a connection, and a get says nothing more on it
    const { peer } = await between(t, server, 1 + random.int(3), { up: cutAt(random.int(100)) })
    t.match(await get(peer, 'fewer'), { code: 0, stderr: /over [123] connections?\n/ })
    t.equal(sha256(await readFile(join(alice.directory, 'fewer'))), expected)
    await alice.run(['-f', 'fewer'], { program: 'rm' })
  }
})

t.test('a bit flipped on a stripe is found', async t => {
  for (let i = 0; i < 3; i++) {
    const offset = 200 + random.int(2 * MIB)
    const wire = { down: flip(offset, random.int(8)) }
    const { peer } = await between(t, server, 1 + random.int(3), wire)
    const { code } = await get(peer, 'never')
    t.ok(code === 0 || code === 40 || code === 12 || code === 75 || code === 30, `exit ${code}`)
    if (code === 0) t.equal(sha256(await readFile(join(alice.directory, 'never'))), expected, 'in what was not read')
    await alice.run(['-f', 'never'], { program: 'rm' })
    t.same(await none(alice.directory), [])
  }
})

t.test('a peer that is killed leaves nothing hanging', async t => {
  await mkdir(join(bob.directory, 'sparse'))
  await writeFile(join(bob.directory, 'sparse/huge'), '')
  await truncate(join(bob.directory, 'sparse/huge'), 2 ** 36)
  const begun = async (getter: Running): Promise<void> => {
    while (!(await none(alice.directory)).length && getter.child.exitCode === null) await delay(20)
    await delay(200)
  }
  for (const victim of ['server', 'getter'] as const) {
    const serving = await bob.listen(['serve', 'sparse', '--listen', ANY])
    const getter = alice.begin(['get', `bob@${serving.address}`, 'huge', '-o', 'never', '--streams', '4'])
    await begun(getter)
    if (victim === 'server') {
      serving.kill('SIGKILL')
      t.match(await getter.ended, { code: 75 })
    } else {
      getter.kill('SIGKILL')
      await getter.ended
      await serving.until(({ stderr }) => /connection of alice failed/.test(stderr))
      serving.kill('SIGTERM')
      t.match(await serving.ended, { code: 143 }, 'it ends in order')
    }
    for (const name of await none(alice.directory)) await alice.run(['-f', name], { program: 'rm' })
  }
})
