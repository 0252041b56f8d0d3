import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { sha256 } from '../fixtures/bytes.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'

/** A file of many chunks between real processes, by every way there is. */

const MIB = 1024 * 1024
const SIZE = 64 * MIB + 12_345

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { served: {}, inbox: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const block = seeded(1).bytes(MIB)
const file = Buffer.alloc(SIZE)
for (let at = 0; at < SIZE; at += MIB) {
  file.set(block.subarray(0, Math.min(MIB, SIZE - at)), at)
  file.writeUInt32BE(at, at)
}
const expected = sha256(file)
await writeFile(join(alice.directory, 'large'), file)
await writeFile(join(bob.directory, 'served/large'), file)
const hash = async (...path: string[]) => sha256(await readFile(join(directory, ...path)))

t.test('get', async t => {
  const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0'])
  t.match(await alice.run(['get', `bob@${server.address}`, 'large', '-o', 'got']), { code: 0 })
  t.equal(await hash('alice', 'got'), expected)
  const [one, two] = await Promise.all(
    ['first', 'second'].map(name => alice.run(['get', `bob@${server.address}`, 'large', '-o', name]))
  )
  t.match([one, two], [{ code: 0 }, { code: 0 }], 'two at once')
  t.same([await hash('alice', 'first'), await hash('alice', 'second')], [expected, expected])
})

t.test('send', async t => {
  const inbox = await bob.listen(['recv', '--listen', '127.0.0.1:0', '-o', 'inbox', '--from', 'alice'])
  t.match(await alice.run(['send', 'large', `bob@${inbox.address}`]), { code: 0 })
  t.equal(await hash('bob', 'inbox', 'large'), expected, 'when the sender ends, it is there')
  t.same(await readdir(join(bob.directory, 'inbox')), ['large'])
})

t.test('pipe', async t => {
  const line = 'set -o pipefail; sft send large | sft recv > piped; sft send < large | sft recv --hold h -o held'
  t.match(await alice.bash(line), { code: 0 })
  t.equal(await hash('alice', 'piped'), expected)
  t.equal(await hash('alice', 'held'), expected)
})
