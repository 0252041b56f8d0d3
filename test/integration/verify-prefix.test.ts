import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { pattern, sha256 } from '../fixtures/bytes.ts'
import { type Finished, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { cutAt, through } from '../fixtures/wire.ts'

/** What is there of a file is compared on both sides before it goes on, between processes (SPEC §8.4, M85). */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: { tree: { a: 'a' } }, bob: { inbox: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const file = pattern(24 * MIB + 5)
await mkdir(join(bob.directory, 'served'))
for (const path of [join(alice.directory, 'file'), join(bob.directory, 'served/file')]) await writeFile(path, file)
const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const inbox = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice', '--force'], { timeout })
const root = join(directory, 'root.crt')
await writeFile(root, organisation.root.toString())

const get = (peer: string, name: string, ...more: string[]) => alice.run(['get', peer, 'file', '-o', name, ...more])
const send = (peer: string, name: string, ...more: string[]) =>
  alice.run(['send', 'file', peer, '--name', name, ...more])
const at = ({ address }: { address: string }): string => `bob@${address}`

/** Leaves a part, and changes a byte of it as no file system should. */
async function damaged(place: string, name: string, offset = 5): Promise<void> {
  const [part = ''] = (await readdir(place)).filter(each => each.startsWith(`.${name}.`) && each.endsWith('.part'))
  const handle = await open(join(place, part), 'r+')
  await handle.write(Buffer.of((file[offset] as number) ^ 1), 0, 1, offset)
  await handle.close()
}

async function whole(t: Test, place: string, name: string, is = true): Promise<void> {
  t.equal(sha256(await readFile(join(place, name))) === sha256(file), is, `${name} is ${is ? '' : 'not '}whole`)
  t.same(
    (await readdir(place)).filter(each => each.startsWith(`.${name}.`)),
    [],
    'and nothing is left'
  )
}

const ANEW = /(file|damaged) differs from what was there of it; beginning anew \(\d+\.\d MiB of it were there\)\n/
const resumes = (t: Test, finished: Finished): void => {
  t.match(finished, { code: 0, stderr: /resumed at \d+\.0 MiB/ })
  t.notMatch(finished.stderr, /anew/)
}

t.test('M85: get', async t => {
  const cut = () => through(t, server, { down: cutAt(15 * MIB) })
  for (const name of ['same', 'trusted', 'damaged', 'striped']) t.match(await get(await cut(), name), { code: 75 })
  resumes(t, await get(at(server), 'same', '--verify-prefix'))
  await whole(t, alice.directory, 'same')
  await damaged(alice.directory, 'trusted')
  resumes(t, await get(at(server), 'trusted'))
  await whole(t, alice.directory, 'trusted', false)
  for (const [name, ...more] of [['damaged'], ['striped', '--streams', '3', '--retry', '2']] as const) {
    await damaged(alice.directory, name)
    const anew = await get(at(server), name, '--verify-prefix', ...more)
    t.match(anew, { code: 0, stderr: ANEW })
    t.notMatch(anew.stderr, /resumed/)
    await whole(t, alice.directory, name)
  }
})

t.test('M85: send', async t => {
  const received = join(bob.directory, 'inbox')
  const cut = () => through(t, inbox, { up: cutAt(15 * MIB) })
  for (const name of ['same', 'signed', 'damaged']) t.match(await send(await cut(), name), { code: 75 })
  resumes(t, await send(at(inbox), 'same', '--verify-prefix'))
  await whole(t, received, 'same')
  resumes(t, await send(at(inbox), 'signed', '--verify-prefix', '--receipt', 'receipt'))
  await whole(t, received, 'signed')
  t.match(await alice.run(['receipt', 'verify', 'receipt', '--ca', root, '--file', 'file']), { code: 0 })
  await damaged(received, 'damaged', 9 * MIB)
  t.match(await send(at(inbox), 'damaged', '--verify-prefix'), { code: 0, stderr: ANEW })
  await inbox.until(({ stderr }) => /damaged differs from what was there of it; beginning anew/.test(stderr))
  await whole(t, received, 'damaged')
  t.match(await send(at(inbox), 'none', '--verify-prefix'), { code: 0 }, 'where nothing is there, nothing is compared')
})

t.test('M85: what it is not for', async t => {
  const refused = async (args: string[], stderr: RegExp) =>
    t.match(await alice.run(args, { input: 'x' }), { code: 2, bytes: 0, stderr }, args.join(' '))
  await refused(['send', '-r', 'tree', at(inbox), '--verify-prefix'], /byte by byte; hint: [^\n]+--no-resume/)
  await refused(['get', '-r', at(server), '.', '--verify-prefix'], /byte by byte/)
  await refused(['send', '-', at(inbox), '--verify-prefix'], /standard input/)
  await refused(['send', 'file', '--to', 'alice', '--verify-prefix'], /belongs to a peer that is dialled/)
})
