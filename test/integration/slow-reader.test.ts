import { createHash } from 'node:crypto'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { pattern, sha256 } from '../fixtures/bytes.ts'
import { type Running, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** A reader that takes nothing stops the source: what is under way is bounded, and nothing is lost (guarantee 12, attack A10). */

const MIB = 1024 * 1024
const SIZE = 96 * MIB
/** Windows of both sides, their read-ahead and write-ahead, and the buffers of the sockets and pipes between. */
const UNDER_WAY = 40 * MIB
/** What event loops read that only wake up. */
const STILL = 64 * 1024

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { served: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const block = pattern(MIB)
const file = Buffer.concat(Array.from({ length: SIZE / MIB }, () => block))
const expected = sha256(file)
await writeFile(join(alice.directory, 'large'), file)
await writeFile(join(bob.directory, 'served/large'), file)

/** Bytes that a process has read in all, of its own code as well. */
async function bytesRead({ pid }: Running): Promise<number> {
  const [, read = '0'] = /^rchar: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, 'utf8')) ?? []
  return Number(read)
}

async function hasOpen({ pid }: Running, path: string): Promise<boolean> {
  const open = await readdir(`/proc/${pid}/fd`)
  const paths = await Promise.all(open.map(fd => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
  return paths.includes(path)
}

/** Waits until the source has begun and then stands still, but for its timers; says how much it has read since `before`. */
async function settled(running: Running, path: string, before = 0): Promise<number> {
  let last = Number.NEGATIVE_INFINITY
  for (;;) {
    const now = (await bytesRead(running)) - before
    if ((await hasOpen(running, path)) && now - last < STILL) return now
    last = now
    await delay(700)
  }
}

/** Reads the rest slowly at first, and says what it was. */
async function drainSlowly(running: Running): Promise<string> {
  const hash = createHash('sha256')
  const stdout = running.child.stdout as NodeJS.ReadableStream
  let pauses = 20
  for await (const piece of stdout) {
    hash.update(piece as Buffer)
    if (pauses-- > 0) await delay(10)
  }
  return hash.digest('hex')
}

t.test('through a socket', async t => {
  const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0'])
  const before = await bytesRead(server)
  const getter = alice.begin(['get', `bob@${server.address}`, 'large', '-o', '-'], { unread: true })
  const read = await settled(server, join(bob.directory, 'served/large'), before)
  t.ok(read < UNDER_WAY, `the server has read ${read} bytes`)
  t.equal(await drainSlowly(getter), expected)
  t.match(await getter.ended, { code: 0 })
})

t.test('through a pipe', async t => {
  const sender = alice.begin(['send', 'large'], { unread: true })
  const receiver = alice.begin(['recv'], { unread: true })
  sender.child.stdout?.pipe(receiver.child.stdin as NodeJS.WritableStream)
  const read = await settled(sender, join(alice.directory, 'large'))
  t.ok(read < UNDER_WAY, `the sender has read ${read} bytes`)
  t.equal(await drainSlowly(receiver), expected)
  t.match([await sender.ended, await receiver.ended], [{ code: 0 }, { code: 0 }])
})
