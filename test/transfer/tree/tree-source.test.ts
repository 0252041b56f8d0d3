import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openTree, outgoingTree, type TreeSource } from '../../../src/transfer/tree/tree-source.ts'
import { seeded } from '../../fixtures/seeded.ts'

const never = new AbortController().signal
const random = seeded(3)

/** A tree with something of everything; `big` is larger than a piece. */
function makeTree(t: Test): string {
  const top = join(t.testdir({ top: { d: { e: {}, empty: {} } } }), 'top')
  writeFileSync(join(top, 'a'), 'hello')
  writeFileSync(join(top, 'big'), random.bytes(1_500_000))
  writeFileSync(join(top, 'd/e/small'), random.bytes(5000))
  writeFileSync(Buffer.from(`${top}/d/n\xffame`, 'latin1'), 'bytes')
  writeFileSync(join(top, 'zero'), '')
  symlinkSync('../a', join(top, 'd/up'))
  return top
}

async function packed(tree: TreeSource, start = 0, wanted = outgoingTree(tree)) {
  const pieces: Uint8Array[] = []
  // a copy: the consumer owns what it is given
  for await (const piece of wanted.source(never, start)) pieces.push(Uint8Array.from(piece))
  return { archive: Buffer.concat(pieces), counts: { ...wanted.tree?.counts } }
}

async function treeOf(t: Test, top: string, more: Partial<TreeSource> = {}): Promise<TreeSource> {
  const handle = await open(top)
  t.teardown(() => handle.close())
  return { directory: handle.fd, name: 'top', ...more }
}

const listed = (archive: Buffer): string[] =>
  execFileSync('tar', ['tf', '-', '--quoting-style=escape'], {
    input: archive,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore']
  })
    .trimEnd()
    .split('\n')

t.test('a tree in the order of its bytes, as tar reads it', async t => {
  const top = makeTree(t)
  const { archive, counts } = await packed(await treeOf(t, top))
  const names = ['', 'a', 'big', 'd/', 'd/e/', 'd/e/small', 'd/empty/', 'd/n\\377ame', 'd/up', 'zero']
  t.same(
    listed(archive),
    names.map(name => `top/${name}`)
  )
  t.same(counts, { entries: 10, omitted: 0 })
  const place = t.testdir()
  execFileSync('tar', ['xf', '-', '-C', place], { input: archive, stdio: ['pipe', 'pipe', 'ignore'] })
  execFileSync('diff', ['-r', '--no-dereference', top, join(place, 'top')])
  t.pass('and unpacks it')
})

t.test('M72: from any byte on it is the same, and its beginnings have names', async t => {
  const tree = await treeOf(t, makeTree(t))
  const { archive } = await packed(tree)
  const [end, outgoing] = [archive.byteLength, outgoingTree(tree)]
  for (const start of [
    1,
    512,
    1535,
    1536,
    3000,
    4096,
    10_000,
    1_200_000,
    1_505_000,
    end - 8000,
    end - 1025,
    end - 1024,
    end - 1,
    end
  ]) {
    const { archive: rest } = await packed(tree, start)
    t.ok(rest.equals(archive.subarray(start)), `from ${start} of ${end}`)
  }
  const ids = await Promise.all([512, 1536, 1537, 100_000, 1_000_000].map(bytes => outgoing.tree?.idAt(bytes)))
  const hex = ids.map(id => id && Buffer.from(id).toString('hex'))
  t.equal(hex[0], hex[1], 'the header of the top directory')
  t.equal(hex[3], hex[4], 'in the middle of one file')
  t.equal(new Set(hex).size, 3)
  t.equal(await outgoing.tree?.idAt(end), undefined, 'no more than there is')
})

t.test('M72: what changes has another name', async t => {
  const top = makeTree(t)
  const outgoing = outgoingTree(await treeOf(t, top))
  const idAt = async (bytes: number) => Buffer.from((await outgoing.tree?.idAt(bytes)) ?? []).toString('hex')
  const before = await idAt(1_000_000)
  t.equal(await idAt(1_000_000), before)
  const { mtime } = statSync(join(top, 'a'))
  writeFileSync(join(top, 'a'), 'HELLO')
  utimesSync(join(top, 'a'), mtime, mtime)
  t.not(await idAt(1_000_000), before, 'the time of its change tells it')
})

t.test('M71: what can not be sent is left out, told and counted', async t => {
  const top = makeTree(t)
  execFileSync('mkfifo', [join(top, 'fifo')])
  symlinkSync('/etc/passwd', join(top, 'd/out'))
  linkSync(join(top, 'a'), join(top, 'hard'))
  mkdirSync(join(top, Array(130).fill('x').join('/')), { recursive: true })
  const omitted: string[] = []
  const onOmitted = (path: string, why: string): number => omitted.push(`${path.slice(0, 10)}: ${why}`)
  const gate: TreeSource['gate'] = async (path, { nlink }) =>
    path === 'zero' ? 'hidden' : nlink > 1n ? 'has another name' : undefined
  const { archive, counts } = await packed(await treeOf(t, top, { onOmitted, gate }))
  t.same(omitted, [
    'a: has another name',
    'd/out: leads out of the directory',
    'fifo: no file, directory or link',
    'hard: has another name',
    'x/x/x/x/x/: too deep or too long'
  ])
  t.match(counts, { omitted: 5 })
  t.ok(archive.includes('SFT.omitted=5\n'))
  t.notOk(listed(archive).includes('top/zero'), 'what is hidden is not even counted')
})

t.test('M71: a file that will not hold still is left out, a large one ends the transfer', async t => {
  const top = makeTree(t)
  const omitted: string[] = []
  const changing = async (name: string, change: () => void) => {
    const gate: TreeSource['gate'] = async path => {
      // between the look at it and its reading
      if (path === name) setImmediate(change)
      if (path === name) await new Promise(resolve => setImmediate(resolve))
      return undefined
    }
    return packed(await treeOf(t, top, { gate, onOmitted: (path, why) => omitted.push(`${path}: ${why}`) }))
  }
  await changing('a', () => writeFileSync(join(top, 'a'), 'longer than it was'))
  t.same(omitted, ['a: changes while it is read'])
  const large = changing('big', () => truncateSync(join(top, 'big'), 1_400_000))
  await t.rejects(large, { code: 'ERR_SFT_SOURCE_CHANGED', message: /^top\/big: / })
})

t.test('a filter, and directories for what is in them', async t => {
  const tree = await treeOf(t, makeTree(t))
  t.same(listed((await packed({ ...tree, include: ['small'] })).archive), [
    'top/',
    'top/d/',
    'top/d/e/',
    'top/d/e/small'
  ])
  t.same(listed((await packed({ ...tree, exclude: ['d/*', 'big'] })).archive), ['top/', 'top/a', 'top/d/', 'top/zero'])
  const { archive, counts } = await packed({ ...tree, files: ['zero', 'nope'] })
  t.same(listed(archive), ['top/', 'top/zero'])
  t.same(counts, { entries: 2, omitted: 1 })
})

t.test('what is opened by its path', async t => {
  const top = makeTree(t)
  await using tree = await openTree(`${top}/`, undefined, {})
  t.equal(tree.metadata.name, 'top')
  await t.rejects(openTree(join(top, 'a'), undefined, {}), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(openTree(join(top, 'none'), undefined, {}), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(openTree(top, undefined, { exclude: [''] }), { code: 'ERR_SFT_USAGE' })
  chmodSync(top, 0o700)
})
