import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { WriteBack } from '../../src/streams/write-back.ts'

const MIB = 2 ** 20

function* pieces(count: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(MIB)
}

/** A handle whose flushes are counted, and fail from the `failing`-th on. */
function countingHandle(handle: FileHandle, failing = Number.POSITIVE_INFINITY) {
  const seen = { flushes: 0, atOnce: 0, most: 0 }
  const datasync = async (): Promise<void> => {
    seen.flushes++
    seen.most = Math.max(seen.most, ++seen.atOnce)
    await handle.datasync()
    seen.atOnce--
    if (seen.flushes >= failing) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
  }
  return { seen, handle: { datasync } as FileHandle }
}

async function file(t: Test): Promise<FileHandle> {
  const handle = await open(join(t.testdir(), 'file'), 'w')
  t.teardown(() => handle.close())
  return handle
}

t.test('flushes while pieces pass, one at a time, and once more at the end', async t => {
  const { seen, handle } = countingHandle(await file(t))
  const writeBack = new WriteBack(handle)
  for await (const piece of writeBack.behind(pieces(100))) {
    t.equal(piece.byteLength, MIB)
    await new Promise(setImmediate)
  }
  t.ok(seen.flushes >= 1, 'behind the stream')
  const before = seen.flushes
  await writeBack.finish()
  t.equal(seen.flushes, before + 1, 'at the end, for what was not flushed')
  t.equal(seen.most, 1)
})

t.test('a small file is flushed once', async t => {
  const { seen, handle } = countingHandle(await file(t))
  const writeBack = new WriteBack(handle)
  for await (const _ of writeBack.behind(pieces(3)));
  await writeBack.finish()
  t.equal(seen.flushes, 1)
})

t.test('a flush that fails behind the stream fails the file, though the last one would not', async t => {
  const { handle } = countingHandle(await file(t), 1)
  const writeBack = new WriteBack(handle)
  await t.rejects(
    async () => {
      for await (const _ of writeBack.behind(pieces(40)));
      await writeBack.finish()
    },
    { code: 'EIO' }
  )
  await writeBack.settle()
})
