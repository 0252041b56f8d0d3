import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { cutAt, proxy } from '../fixtures/wire.ts'

/** Files with holes between processes (SPEC §8, M91): what takes no room at its sender takes none at its receiver. */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {}, plain: {} } })
const shellFor = async (name: string) => shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([shellFor('alice'), shellFor('bob')])

/** A few bytes at each place, in a file of a size. */
async function sparse(path: string, size: number, places: readonly number[]): Promise<string> {
  const file = await open(path, 'w')
  await file.truncate(size)
  for (const place of places) await file.write(Buffer.from('not zero'), 0, 8, place)
  await file.close()
  return hashOf(path)
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: MIB }), hash)
  return hash.digest('hex')
}

async function same(t: Test, path: string, expected: string, most: number): Promise<void> {
  const { blocks } = await stat(path)
  t.ok(blocks * 512 <= most, `${blocks * 512} bytes on the disk`)
  t.equal(await hashOf(path), expected)
}

const image = join(alice.directory, 'sparse.img')
const size = 96 * MIB + 4097
const expected = await sparse(image, size, [0, 40 * MIB + 123_456])
const able = (await stat(image)).blocks * 512 < MIB
const skip = able ? {} : { skip: 'this file system has no holes' }
const receiver = (...args: string[]) => bob.listen(['recv', '--listen', ANY, '--from', 'alice', ...args], { timeout })

t.test('send, with and without resume, to a file and to a directory', skip, async t => {
  for (const [place, more] of [
    ['inbox', []],
    ['plain', ['--no-resume']]
  ] as const) {
    const to = await receiver('-o', place, '--once', ...more)
    t.match(await alice.run(['send', 'sparse.img', `bob@${to.address}`]), { code: 0 })
    await same(t, join(bob.directory, place, 'sparse.img'), expected, MIB)
  }
  const to = await receiver('-o', 'one')
  t.match(await alice.run(['send', 'sparse.img', `bob@${to.address}`]), { code: 0 })
  await same(t, join(bob.directory, 'one'), expected, MIB)
})

t.test('get; cut in the middle of a hole, and taken up there', skip, async t => {
  const server = await alice.listen(['serve', '.', '--listen', ANY], { timeout })
  const port = Number(server.address.split(':').at(-1))
  const get = (at: string | number, name: string, ...more: string[]) =>
    bob.run(['get', `alice@127.0.0.1:${at}`, 'sparse.img', '-o', name, ...more])
  t.match(await get(port, 'got'), { code: 0 })
  await same(t, join(bob.directory, 'got'), expected, MIB)
  for (const at of [20 * MIB, 60 * MIB]) {
    const name = `cut${at}`
    const cut = await proxy(t, { host: '127.0.0.1', port }, () => ({ down: cutAt(at) }))
    t.match(await get(cut.port, name), { code: 75 })
    const part = (await readdir(bob.directory)).find(each => each.startsWith(`.${name}.`) && each.endsWith('.part'))
    const left = await stat(join(bob.directory, part ?? ''))
    t.ok(left.size > 8 * MIB && left.blocks * 512 < MIB, `${left.size} bytes, ${left.blocks} blocks`)
    t.match(await get(port, name), { code: 0, stderr: /resumed at \d+\.0 MiB/ })
    await same(t, join(bob.directory, name), expected, MIB)
  }
  await mkdir(join(bob.directory, 'striped'))
  t.match(await get(port, 'striped/file', '--streams', '3'), { code: 0 })
  await same(t, join(bob.directory, 'striped/file'), expected, MIB)
})

t.test('through a pipe, a stored stream, and one that is held', skip, async t => {
  const line = 'set -o pipefail; sft send sparse.img | sft recv -o piped && sft send sparse.img -o sealed'
  t.match(await alice.bash(line), { code: 0 })
  await same(t, join(alice.directory, 'piped'), expected, MIB)
  t.match(await alice.run(['recv', 'sealed', '--hold', 'held', '-o', 'opened']), { code: 0 })
  await same(t, join(alice.directory, 'opened'), expected, MIB)
  t.match(await alice.bash('set -o pipefail; sft send sparse.img | sft recv -o - > out'), { code: 0 })
  t.equal(await hashOf(join(alice.directory, 'out')), expected)
})

t.test('a gigabyte of hole, a few bytes in it', skip, async t => {
  const large = await sparse(join(alice.directory, 'large.img'), 1024 * MIB, [700 * MIB + 5])
  const to = await receiver('-o', 'inbox', '--once')
  t.match(await alice.run(['send', 'large.img', `bob@${to.address}`]), { code: 0, stderr: /1\.0 GiB, durable/ })
  await same(t, join(bob.directory, 'inbox/large.img'), large, MIB)
})

t.test('a file without holes has none, however many zeros are in it', async t => {
  const path = join(alice.directory, 'zeros')
  const file = await open(path, 'w')
  await file.write(Buffer.alloc(8 * MIB))
  await file.sync()
  await file.close()
  const { blocks } = await stat(path)
  const to = await receiver('-o', 'inbox', '--once')
  t.match(await alice.run(['send', 'zeros', `bob@${to.address}`]), { code: 0 })
  // as far as this file system keeps zeros at all
  const got = await stat(join(bob.directory, 'inbox/zeros'))
  t.equal(got.blocks * 512 >= 8 * MIB, blocks * 512 >= 8 * MIB)
})
