import { existsSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { pattern, sha256 } from '../fixtures/bytes.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { type Direction, proxy } from '../fixtures/wire.ts'

/** Transfers that were done when the connection was cut, and whose other side did not hear of it (SPEC §8.8). */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: { tree: { a: 'a', b: 'b' } }, bob: { inbox: {}, replacing: {}, keeping: {} } })
const [alice, bob] = await Promise.all(
  ['alice', 'bob'].map(async name => shellOf(t, join(directory, name), await organisation.issue(name)))
)
if (!alice || !bob) throw new Error('nobody')
const files = { small: pattern(5), large: pattern(5 * MIB + 1) }
for (const [name, bytes] of Object.entries(files)) await writeFile(join(alice.directory, name), bytes)

const receive = (place: string, ...more: string[]) =>
  bob.listen(['recv', '--listen', ANY, '-o', place, '--from', 'alice', ...more], { timeout })
const refusing = await receive('inbox')
const replacing = await receive('replacing', '--force')
const keeping = await receive('keeping', '--rename')

/** A way to the peer that is cut once when `cut` says so, right before what comes then. */
async function through(t: Test, { address }: { address: string }, name: 'up' | 'down', cut: () => boolean) {
  let whole = true
  const direction: Direction = piece => {
    if (!whole || !cut()) return [piece]
    whole = false
    return undefined
  }
  const { port } = await proxy(t, { host: '127.0.0.1', port: Number(address.split(':').at(-1)) }, () => ({
    [name]: direction
  }))
  return { peer: `bob@127.0.0.1:${port}`, wasCut: () => !whole }
}

/** What transfers have left in a place, once it is nothing, or after a while. */
async function leftIn(place: string): Promise<string[]> {
  const left = async () => (await readdir(place)).filter(each => each.startsWith('.'))
  for (let turn = 0; turn < 200 && (await left()).length > 0; turn++) await delay(20)
  return left()
}

for (const [name, bytes] of Object.entries(files))
  t.test(`M83: a send of ${bytes.length} bytes whose last answer is lost is done, and done once`, async t => {
    for (const [running, place] of [
      [refusing, 'inbox'],
      [replacing, 'replacing'],
      [keeping, 'keeping']
    ] as const) {
      const target = join(bob.directory, place, name)
      const { peer, wasCut } = await through(t, running, 'down', () => existsSync(target))
      const sent = await alice.run(['send', name, peer, '--retry', '3'])
      t.match(sent, { code: 0, stderr: /trying again in [^\n]+\nsft: sent to [^\n]+, durable\n$/ }, place)
      t.ok(wasCut())
      const { ino } = await stat(target)
      t.equal(sha256(await readFile(target)), sha256(bytes))
      t.same(await leftIn(join(bob.directory, place)), [], 'no mark is left')
      t.equal((await stat(target)).ino, ino)
      if (place === 'keeping') t.notOk(existsSync(`${target} (1)`), 'no second file')
    }
    const again = await alice.run(['send', name, `bob@${refusing.address}`, '--retry', '3'])
    t.match(again, { code: 45, stderr: /^[^\n]+EXISTS\]\n$/ }, 'another call is another transfer')
  })

t.test('M83: a directory as well', async t => {
  const target = join(bob.directory, 'inbox/tree')
  const { peer, wasCut } = await through(t, refusing, 'down', () => existsSync(target))
  t.match(await alice.run(['send', '-r', 'tree', peer, '--retry', '3']), { code: 0, stderr: /trying again/ })
  t.ok(wasCut())
  t.same((await readdir(target)).sort(), ['a', 'b'])
})

t.test('without --retry, and with a receipt, the name is taken', async t => {
  await writeFile(join(alice.directory, 'other'), 'other')
  const target = join(bob.directory, 'inbox/other')
  const lost = await through(t, refusing, 'down', () => existsSync(target))
  t.match(await alice.run(['send', 'other', lost.peer]), { code: 75 })
  t.same(
    (await readdir(join(bob.directory, 'inbox'))).filter(each => each.startsWith('.')),
    [],
    'and no mark'
  )
  await writeFile(join(alice.directory, 'signed'), 'signed')
  const signed = join(bob.directory, 'inbox/signed')
  const { peer } = await through(t, refusing, 'down', () => existsSync(signed))
  const twice = await alice.run(['send', 'signed', peer, '--retry', '3', '--receipt', 'receipt'])
  t.match(twice, { code: 45, stderr: /trying again/ })
})
