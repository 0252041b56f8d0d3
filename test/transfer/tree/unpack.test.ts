import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PieceReader } from '../../../src/transfer/tree/piece-reader.ts'
import { TreeWriter } from '../../../src/transfer/tree/tree-writer.ts'
import { type Standing, Unpacking } from '../../../src/transfer/tree/unpack.ts'
import { archive, bytesOf, directory, pieces, text } from '../../fixtures/archives.ts'

const ENTRIES = [directory('top'), directory('top/a'), text('top/a/one', 'x'.repeat(600)), text('top/two', 'second')]
const BYTES = archive(...ENTRIES)
const BEFORE_LAST = ENTRIES.slice(0, -1).reduce((sum, entry) => sum + bytesOf(entry).byteLength, 0)

const unpacking = (writer: TreeWriter, bytes: Uint8Array): Unpacking =>
  new Unpacking(writer, new PieceReader(pieces(bytes)), async () => {})

/** Goes on where another stood, and looks at what has come of both. */
async function finish(t: Test, path: string, root: number, standing: Standing): Promise<void> {
  const writer = await TreeWriter.resume(root, standing.levels)
  const rest = unpacking(writer, BYTES.subarray(standing.position))
  await rest.goOn(standing)
  t.same(await rest.run(), { entries: 4, omitted: 0 })
  await writer.close()
  t.equal(readFileSync(join(path, 'tree/two'), 'utf8'), 'second')
  t.equal(readFileSync(join(path, 'tree/a/one'), 'utf8'), 'x'.repeat(600))
}

t.test('a small file that can not be made, or does not come, has not begun', async t => {
  for (const fault of ['half of it is written', 'its bytes do not come']) {
    const path = t.testdir({})
    const root = openSync(path, constants.O_DIRECTORY)
    const writer = TreeWriter.begin(root)
    if (fault.startsWith('half')) {
      const make = writer.makeWhole.bind(writer)
      writer.makeWhole = async (place, entry, bytes) => {
        await make(place, entry, entry.path === 'top/two' ? bytes.subarray(0, 3) : bytes)
        if (entry.path === 'top/two') throw new Error('the disk is full')
      }
    }
    const bytes = fault.startsWith('half') ? BYTES : BYTES.subarray(0, BEFORE_LAST + 1536 + 3)
    const first = unpacking(writer, bytes)
    await t.rejects(first.run(), fault)
    const { standing } = first
    await first.close()
    await writer.close()
    t.equal(standing.position, BEFORE_LAST, fault)
    t.equal(existsSync(join(path, 'tree/two')), fault.startsWith('half'))
    await finish(t, path, root, standing)
    closeSync(root)
  }
})
