import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
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

/** A way to the peer that is cut once, or always, when `cut` says so, right before what comes then. */
async function through(
  t: Test,
  { address }: { address: string },
  name: 'up' | 'down',
  cut: () => boolean,
  always = false
) {
  let whole = true
  const direction: Direction = piece => {
    if ((!whole && !always) || !cut()) return [piece]
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

t.test('without --retry a small file is taken for another, and with a receipt any', async t => {
  await writeFile(join(alice.directory, 'other'), 'other')
  const target = join(bob.directory, 'inbox/other')
  const lost = await through(t, refusing, 'down', () => existsSync(target))
  t.match(await alice.run(['send', 'other', lost.peer]), { code: 75 })
  t.same(
    (await readdir(join(bob.directory, 'inbox'))).filter(each => each.startsWith('.')),
    [],
    'and no mark'
  )
  t.match(await alice.run(['send', 'other', `bob@${refusing.address}`]), { code: 45 })
  const signed = join(bob.directory, 'inbox/signed')
  const { peer } = await through(t, refusing, 'down', () => existsSync(signed))
  const args = ['send', 'large', peer, '--name', 'signed', '--retry', '3', '--receipt', 'receipt']
  t.match(await alice.run(args), { code: 45, stderr: /trying again/ })
})

t.test('M84: without --retry a file of 4 MiB is found done by the same command, while it is what came', async t => {
  const large = join(alice.directory, 'large')
  /** Sends, loses the answer, does something, and sends again. */
  const twice = async (
    running: { address: string },
    place: string,
    name: string,
    between: () => Promise<unknown> = async () => undefined,
    ...more: string[]
  ) => {
    const target = join(bob.directory, place, name)
    const { peer, wasCut } = await through(t, running, 'down', () => existsSync(target))
    const send = (to: string) => alice.run(['send', 'large', to, '--name', name, ...more])
    t.match(await send(peer), { code: 75 })
    t.ok(wasCut())
    const before = await stat(target)
    await between()
    const sent = await send(`bob@${running.address}`)
    return { sent, target, same: (await stat(target)).ino === before.ino }
  }
  for (const [running, place] of [
    [refusing, 'inbox'],
    [replacing, 'replacing'],
    [keeping, 'keeping']
  ] as const) {
    const { sent, target, same } = await twice(running, place, 'again')
    t.match(sent, { code: 0, stderr: /^sft: sent to [^\n]+, durable\n$/ }, place)
    t.ok(same)
    t.equal(sha256(await readFile(target)), sha256(files.large))
    t.same(await leftIn(join(bob.directory, place)), [], 'no record is left')
    t.notOk(existsSync(`${target} (1)`))
  }
  t.match(await alice.run(['send', 'large', `bob@${refusing.address}`, '--name', 'again']), { code: 45 }, 'once only')
  for (const [first, second] of [
    [[], ['--retry', '2']],
    [['--retry', '1'], []]
  ] as const) {
    const name = `retried${first.length}`
    const target = join(bob.directory, 'replacing', name)
    const send = (to: string, more: readonly string[]) => alice.run(['send', 'large', to, '--name', name, ...more])
    const lost = await through(t, replacing, 'down', () => existsSync(target), first.length > 0)
    t.match(await send(lost.peer, first), { code: 75 })
    const { ino } = await stat(target)
    t.match(await send(`bob@${replacing.address}`, second), { code: 0, stderr: /^sft: sent to [^\n]+, durable\n$/ })
    t.equal((await stat(target)).ino, ino, 'a call with --retry and one without know of each other')
    // nobody else knows the key of a job: its mark is for gc
    t.equal((await leftIn(join(bob.directory, 'replacing'))).length, first.length > 0 ? 1 : 0)
  }
  const at = (name: string) => join(bob.directory, 'inbox', name)
  const written = await twice(refusing, 'inbox', 'written', () => appendFile(at('written'), 'x'))
  t.match(written.sent, { code: 45 }, 'it was written to')
  const verified = await twice(refusing, 'inbox', 'verified', undefined, '--verify-prefix')
  t.match(verified.sent, { code: 45 }, 'what is to be compared is not taken on trust')
  const moved = await twice(replacing, 'replacing', 'moved', () =>
    writeFile(join(bob.directory, 'replacing/moved'), 'x')
  )
  t.match(moved.sent, { code: 0, stderr: /5\.0 MiB, durable/ })
  t.equal(sha256(await readFile(moved.target)), sha256(files.large), 'replaced, as it was not what came')
  const { atime, mtime } = await stat(large)
  const changed = await twice(refusing, 'inbox', 'changed', () =>
    utimes(large, atime, new Date(mtime.getTime() + 5000))
  )
  t.match(changed.sent, { code: 45 }, 'another state of the source')
  await mkdir(join(bob.directory, 'anew'))
  const anew = await receive('anew', '--no-resume')
  t.match((await twice(anew, 'anew', 'file')).sent, { code: 45 }, '--no-resume keeps nothing')
  t.same(await readdir(join(bob.directory, 'anew')), ['file'])
})

t.test('a receiver of one transfer leaves no record', async t => {
  await mkdir(join(bob.directory, 'single'))
  const single = await receive('single', '--once')
  t.match(await alice.run(['send', 'large', `bob@${single.address}`]), { code: 0 })
  t.match(await single.ended, { code: 0 })
  t.same(await readdir(join(bob.directory, 'single')), ['large'])
  const another = await receive('single', '--once')
  t.match(await alice.run(['send', 'small', `bob@${another.address}`, '--retry', '1']), { code: 0 })
  t.match(await another.ended, { code: 0 })
  t.same((await readdir(join(bob.directory, 'single'))).sort(), ['large', 'small'])
})
