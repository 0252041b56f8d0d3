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

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { served: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const block = pattern(MIB)
const file = Buffer.concat(Array.from({ length: SIZE / MIB }, () => block))
const expected = sha256(file)
await writeFile(join(alice.directory, 'large'), file)
await writeFile(join(bob.directory, 'served/large'), file)

/** How far a process has read a file; 0 before it has opened it. */
async function position({ pid }: Running, path: string): Promise<number> {
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) !== path) continue
    const [, pos = '0'] = /^pos:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8')) ?? []
    return Number(pos)
  }
  return 0
}

/** Waits until the source has begun and then stands still. */
async function settled(running: Running, path: string): Promise<number> {
  let before = -1
  for (;;) {
    const now = await position(running, path)
    if (now > 0 && now === before) return now
    before = now
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
  const getter = alice.begin(['get', `bob@${server.address}`, 'large', '-o', '-'], { unread: true })
  const read = await settled(server, join(bob.directory, 'served/large'))
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
