import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { pattern } from '../fixtures/bytes.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** M120: by any moment no more has gone than the limit allows, whoever has it and however many share it. */

const MIB = 1024 * 1024
const RATE = 2 * MIB
const SIZE = 6 * MIB
/** The handshake of each connection, what goes at once after a pause, and the last piece, after which nobody waits. */
const AT_ONCE = 4 * 32 * 1024 + 0.2 * RATE
const ANY = '127.0.0.1:0'
const timeout = 170_000

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const file = pattern(SIZE)
await mkdir(join(bob.directory, 'served'))
for (const path of [join(alice.directory, 'large'), join(bob.directory, 'served/large')]) await writeFile(path, file)

/** Runs something that moves `bytes` under the limit: only its lasting so long lets it move them. */
async function within<T>(t: Test, bytes: number, run: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await run()
  const seconds = (performance.now() - start) / 1000
  t.ok(bytes <= AT_ONCE + RATE * seconds, `${bytes} bytes in ${seconds.toFixed(1)} s`)
  return result
}

async function whole(t: Test, ...paths: string[]): Promise<void> {
  for (const path of paths) t.ok((await readFile(path)).equals(file), path)
}

t.test('of a sender, over all its connections', async t => {
  const inbox = ['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice', '--force']
  const { address } = await bob.listen(inbox, { timeout })
  for (const streams of ['1', '4']) {
    const sent = await within(t, SIZE, () =>
      alice.run(['send', 'large', `bob@${address}`, '--streams', streams, '--bwlimit', '2M'])
    )
    t.match(sent, { code: 0, stderr: /durable/ })
    await whole(t, join(bob.directory, 'inbox/large'))
  }
})

t.test('of who gets a file', async t => {
  const { address } = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
  const get = ['get', `bob@${address}`, 'large', '-o', 'got', '--bwlimit', '2.0MiB/s']
  t.match(await within(t, SIZE, () => alice.run(get)), { code: 0 })
  await whole(t, join(alice.directory, 'got'))
})

t.test('of a server, and one that receives: their sessions share it', async t => {
  const { address } = await bob.listen(['serve', 'served', '--listen', ANY, '--bwlimit', '2M'], { timeout })
  const get = (name: string) => alice.run(['get', `bob@${address}`, 'large', '-o', name])
  for (const each of await within(t, 2 * SIZE, () => Promise.all(['first', 'second'].map(get)))) t.equal(each.code, 0)
  await whole(t, join(alice.directory, 'first'), join(alice.directory, 'second'))

  const inbox = ['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice', '--rename', '--bwlimit', '2M']
  const receiver = await bob.listen(inbox, { timeout })
  const send = (name: string) => alice.run(['send', 'large', `bob@${receiver.address}`, '--name', name])
  for (const each of await within(t, 2 * SIZE, () => Promise.all(['one', 'two'].map(send)))) t.equal(each.code, 0)
  await whole(t, join(bob.directory, 'inbox/one'), join(bob.directory, 'inbox/two'))
})

t.test('of both ends of a pipe', async t => {
  const seal = ['send', 'large', '--bwlimit', '2M', '-o', 'large.sft']
  t.match(await within(t, SIZE, () => alice.run(seal)), { code: 0 })
  const open = ['recv', 'large.sft', '-o', 'opened', '--bwlimit', '2M']
  t.match(await within(t, SIZE, () => alice.run(open)), { code: 0 })
  await whole(t, join(alice.directory, 'opened'))
})

t.test('M121: the slowest limit neither fails the handshake nor looks like a stall', async t => {
  const { address } = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
  await writeFile(join(bob.directory, 'served/small'), file.subarray(0, 2000))
  const get = ['get', `bob@${address}`, 'small', '-o', 'small', '--bwlimit', '1K']
  t.match(await alice.run(get), { code: 0 })
})

t.test('what is no rate, and what the other side would take for a stall', async t => {
  const seal = (rate: string, name = 'never') => alice.run(['send', 'large', `--bwlimit=${rate}`, '-o', name])
  for (const rate of ['fast', '-1', '1..5M', '1.5.5M', '']) {
    t.match(await seal(rate), { code: 2, stderr: /write bytes a second/ }, rate)
  }
  t.match(await seal('1000'), { code: 2, stderr: /a bandwidth limit is at least 1 KiB a second/ })
  t.match(await seal('0', 'unlimited'), { code: 0 })
})
