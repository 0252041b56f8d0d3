import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SftError } from '../../../src/streams/errors.ts'
import { END } from '../../../src/transfer/tree/archive.ts'
import { TREE } from '../../../src/transfer/tree/entry.ts'
import { hasOld } from '../../../src/transfer/tree/staging.ts'
import { type TreeDestinationOptions, treeDestination } from '../../../src/transfer/tree/tree-destination.ts'
import {
  archive,
  brokenArchives,
  bytesOf,
  directory,
  link,
  misplacedEntries,
  pieces,
  text
} from '../../fixtures/archives.ts'
import { seeded } from '../../fixtures/seeded.ts'

/** What a sender may say, and what it may not (SPEC §8.5; attacks A30, A31: zip-slip and its kin). */

const OWNER = { peer: 'alice', direction: 'send' as const }
const METADATA = { created: 0, kind: TREE }

const unpack = (place: string, bytes: Uint8Array, options: TreeDestinationOptions = {}, size = 700) =>
  treeDestination(place, 'out', options).sink(METADATA)(pieces(bytes, size))

t.test('a tree is there as it was told', async t => {
  const place = t.testdir()
  const body = seeded(1).bytes(100_000)
  const told = archive(
    directory('top', { mode: 0o750 }),
    { path: 'top/a', body },
    { ...text('top/b', 'closed', { mode: 0o400 }) },
    directory('top/d', { mode: 0o500 }),
    link('top/d/l', '../a'),
    text('top/d/n\xffame'),
    text('top/e')
  )
  for (const size of [1, 511, 512, 65_536, told.byteLength]) {
    const result = await unpack(place, told, { existing: 'replace' }, size)
    t.same(result, { bytes: told.byteLength, tree: { entries: 7, omitted: 0 } }, `in pieces of ${size}`)
  }
  const out = join(place, 'out')
  t.same(readdirSync(out), ['a', 'b', 'd', 'e'])
  t.ok(readFileSync(join(out, 'a')).equals(body))
  t.equal(readFileSync(join(out, 'd/l')).byteLength, body.byteLength, 'the link leads there')
  t.same(readdirSync(Buffer.from(join(out, 'd')), 'latin1'), ['l', 'n\xffame'])
  const modes = ['', 'a', 'b', 'd'].map(name => (statSync(join(out, name)).mode & 0o777).toString(8))
  t.same(modes, ['750', '644', '400', '500'])
  for (const name of ['', 'a', 'd', 'd/l'])
    t.equal(Math.trunc(lstatSync(join(out, name)).mtimeMs), 1_700_000_000_250, name)
  t.same(readdirSync(place), ['out'], 'and nothing else')
})

t.test('A31: what has no place is refused, and nothing is anywhere', async t => {
  const place = t.testdir({ inbox: {} })
  for (const [name, entries] of Object.entries(misplacedEntries())) {
    for (const options of [{}, { owner: OWNER }, { existing: 'replace' as const }]) {
      const unpacking = unpack(join(place, 'inbox'), archive(...entries), options)
      await t.rejects(unpacking, { code: 'ERR_SFT_ENCODING' }, name)
    }
    t.same([readdirSync(place), readdirSync(join(place, 'inbox'))], [['inbox'], []], 'nothing is left')
  }
  t.notOk(existsSync(join(place, '../evil')))
})

t.test('M67: an archive that is cut, goes on, or is not filled with zeros is refused', async t => {
  const place = t.testdir()
  const good = archive(directory('top'), text('top/a'))
  for (const [name, bytes] of Object.entries(brokenArchives()))
    await t.rejects(unpack(place, bytes, { owner: OWNER }), { code: 'ERR_SFT_ENCODING' }, name)
  t.same(readdirSync(place), [])
  const other = treeDestination(place, 'out').sink({ created: 0 })(pieces(good))
  await t.rejects(other, { code: 'ERR_SFT_PROTOCOL' }, 'a file is no directory')
})

t.test('what is there stays, or is replaced as a whole', async t => {
  const place = t.testdir({ out: { old: 'old' } })
  const told = archive(directory('top'), text('top/new'))
  await t.rejects(unpack(place, told), { code: 'ERR_SFT_EXISTS' })
  t.same(readdirSync(join(place, 'out')), ['old'])
  await unpack(place, told, { existing: 'replace' })
  t.same(readdirSync(join(place, 'out')), ['new'])
  t.match(await unpack(place, told, { existing: 'rename' }), { renamed: 'out (1)' })
  t.same(readdirSync(join(place, 'out (1)')), ['new'])
  rmSync(join(place, 'out (1)'), { recursive: true })
  const empty = t.testdir({ out: {} })
  await t.rejects(unpack(empty, told), { code: 'ERR_SFT_EXISTS' }, 'an empty one is there, too')
  const file = t.testdir({ out: 'file' })
  await t.rejects(unpack(file, told), { code: 'ERR_SFT_EXISTS' })
  const dangling = t.testdir()
  symlinkSync('nowhere', join(dangling, 'out'))
  await t.rejects(unpack(dangling, told), { code: 'ERR_SFT_EXISTS' })
  t.same(
    [place, empty, file, dangling].map(each => readdirSync(each)),
    Array(4).fill(['out'])
  )
})

t.test('of two at once one has the name', async t => {
  const place = t.testdir()
  const told = (name: string): Buffer => archive(directory('top'), text(`top/${name}`))
  const names = Array.from({ length: 8 }, (_, i) => `n${i}`)
  const outcomes = await Promise.allSettled(names.map(name => unpack(place, told(name), { owner: OWNER })))
  const won = names.filter((_, i) => outcomes[i]?.status === 'fulfilled')
  t.equal(won.length, 1)
  t.same(readdirSync(join(place, 'out')), won)
  t.same(readdirSync(place), ['out'])
})

t.test('holes stay holes', async t => {
  const place = t.testdir()
  const body = Buffer.alloc(3_000_000)
  body.fill(1, 1_000_000, 1_000_100)
  await unpack(
    place,
    archive(directory('top'), { path: 'top/holes', body, sparse: true }, { path: 'top/zeros', body }),
    {},
    100_000
  )
  const [holes, zeros] = ['holes', 'zeros'].map(name => statSync(join(place, 'out', name)))
  t.ok(readFileSync(join(place, 'out/holes')).equals(body))
  t.ok((holes?.blocks ?? 0) * 512 <= 200_000, `${holes?.blocks} blocks`)
  t.ok((zeros?.blocks ?? 0) * 512 >= body.byteLength, 'zeros that were none stay zeros')
})

t.test('M72: it goes on where it was left, from any byte', async t => {
  // larger than what is read at once
  const body = seeded(5).bytes(1_100_000)
  const told = archive(
    directory('top'),
    text('top/a'),
    directory('top/d', { mode: 0o500 }),
    { path: 'top/d/big', body },
    text('top/d/z'),
    directory('top/e'),
    text('top/e/last')
  )
  const whole = t.testdir()
  await unpack(whole, told)
  for (const cut of [
    600,
    1600,
    2600,
    3700,
    4000,
    5700,
    6700,
    7000,
    500_000,
    1_000_001,
    1_106_000,
    1_107_700,
    1_109_500,
    told.byteLength - 1030,
    told.byteLength - 1
  ]) {
    const place = t.testdir()
    const destination = treeDestination(place, 'out', { owner: OWNER })
    const lost = new SftError('ERR_SFT_CONNECTION_LOST', 'cut')
    const broken = function* () {
      yield* pieces(told.subarray(0, cut))
      throw lost
    }
    await t.rejects(destination.sink(METADATA)(broken()), lost)
    const begun = await destination.begun?.()
    t.ok(begun && begun.bytes <= cut && begun.bytes > cut - 2300, `${begun?.bytes} of ${cut}`)
    // the sender begins with the chunk that it is in
    const start = (begun?.bytes ?? 0) - ((begun?.bytes ?? 0) % 512)
    const { tree } = await destination.sink(METADATA, start)(pieces(told.subarray(start)))
    t.equal(tree?.entries, 7)
    execFileSync('diff', ['-r', join(whole, 'out'), join(place, 'out')])
    t.same(readdirSync(place), ['out'])
  }
})

t.test('M72: a file that changed under its sender is taken back, what was before it stays', async t => {
  const place = t.testdir()
  const destination = treeDestination(place, 'out', { owner: OWNER })
  const begin = Buffer.concat([bytesOf(directory('top')), bytesOf(text('top/a'))])
  const changed = function* () {
    yield* pieces(begin)
    yield bytesOf({ path: 'top/b', body: Buffer.alloc(9000, 1) }).subarray(0, 5000)
    throw new SftError('ERR_SFT_SOURCE_CHANGED', 'changed')
  }
  await t.rejects(destination.sink(METADATA)(changed()), { code: 'ERR_SFT_SOURCE_CHANGED' })
  t.equal((await destination.begun?.())?.bytes, begin.byteLength)
  const rest = Buffer.concat([begin, bytesOf(text('top/b', 'as it is now')), END])
  await destination.sink(METADATA, 512)(pieces(rest.subarray(512)))
  t.equal(readFileSync(join(place, 'out/b'), 'utf8'), 'as it is now')
})

t.test('what a crash left between two names comes back', async t => {
  const place = t.testdir()
  const told = archive(directory('top'), text('top/new'))
  const destination = treeDestination(place, 'out', { owner: OWNER })
  const cut = function* () {
    yield* pieces(told.subarray(0, 3000))
    throw new SftError('ERR_SFT_CONNECTION_LOST', 'cut')
  }
  await t.rejects(destination.sink(METADATA)(cut()))
  const [part = ''] = readdirSync(place)
  mkdirSync(join(place, part, 'old'))
  writeFileSync(join(place, part, 'old/precious'), '')
  t.ok(hasOld(join(place, part)))
  await t.rejects(destination.sink(METADATA)(pieces(told)), { code: 'ERR_SFT_EXISTS' })
  t.same(readdirSync(join(place, 'out')), ['precious'])
})
