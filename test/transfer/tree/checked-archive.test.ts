import t from 'tap'
import { END, encodeOmitted } from '../../../src/transfer/tree/archive.ts'
import { checked, checkedArchive } from '../../../src/transfer/tree/checked-archive.ts'
import { TREE } from '../../../src/transfer/tree/entry.ts'
import { archive, brokenArchives, directory, link, misplacedEntries, pieces, text } from '../../fixtures/archives.ts'
import { seeded } from '../../fixtures/seeded.ts'

/** What came through, and what ended it. */
async function passed(bytes: Uint8Array, size: number) {
  const out: Uint8Array[] = []
  const counts: Parameters<typeof checkedArchive>[0] = {}
  try {
    for await (const piece of checkedArchive(counts)(pieces(bytes, size))) out.push(piece)
    return { out: Buffer.concat(out), tree: counts.tree, code: undefined }
  } catch (error) {
    return { out: Buffer.concat(out), tree: undefined, code: (error as { code?: string }).code }
  }
}

t.test('M92: a good archive goes through as it is, and is counted', async t => {
  const body = seeded(1).bytes(100_000)
  const told = Buffer.concat([
    archive(
      directory('top'),
      directory('top/d'),
      link('top/d/l', '../a'),
      text(`top/${'n'.repeat(200)}`),
      { path: 'top/\xff', body },
      text('top/\xffe', '')
    ).subarray(0, -END.byteLength),
    encodeOmitted(3),
    END
  ])
  for (const size of [1, 511, 512, 513, 65_536, told.byteLength]) {
    const { out, tree, code } = await passed(told, size)
    t.equal(code, undefined, `in pieces of ${size}`)
    t.ok(out.equals(told))
    t.same(tree, { entries: 6, omitted: 3 })
  }
})

t.test('M92: of what has no place not a whole header goes through', async t => {
  for (const [name, entries] of Object.entries(misplacedEntries())) {
    const told = archive(...entries)
    const end = told.byteLength - END.byteLength
    for (const size of [1, 700]) {
      const { out, code } = await passed(told, size)
      t.equal(code, 'ERR_SFT_ENCODING', name)
      t.ok(out.byteLength < end, `${name}: ${out.byteLength} of ${told.byteLength}`)
    }
    t.same(
      await passed(told, told.byteLength),
      { out: Buffer.alloc(0), tree: undefined, code: 'ERR_SFT_ENCODING' },
      'in one piece'
    )
  }
})

t.test('M67: what is no archive is refused, wherever the pieces end', async t => {
  for (const [name, bytes] of Object.entries(brokenArchives()))
    for (const size of [1, 700, bytes.byteLength + 1])
      t.equal((await passed(bytes, size)).code, 'ERR_SFT_ENCODING', `${name}, in pieces of ${size}`)
})

t.test('to a stream only the archive of a directory goes', async t => {
  const taken: Uint8Array[] = []
  const destination = checked({
    kind: 'delivered',
    sink: () => async source => {
      let bytes = 0
      for await (const piece of source) {
        taken.push(piece)
        bytes += piece.byteLength
      }
      return { bytes }
    }
  })
  const told = archive(directory('top'), text('top/a'))
  await t.rejects(destination.sink({ created: 0 })(pieces(told)), { code: 'ERR_SFT_PROTOCOL' })
  t.same(taken, [])
  const written = await destination.sink({ created: 0, kind: TREE })(pieces(told))
  t.same(written, { bytes: told.byteLength, tree: { entries: 2, omitted: 0 } })
  t.ok(Buffer.concat(taken).equals(told))
})
