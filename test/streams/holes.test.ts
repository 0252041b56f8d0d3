import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runsOf, writeWithHoles } from '../../src/streams/holes.ts'
import { writeFile } from '../../src/streams/write-file.ts'
import { cut, pattern, print } from '../fixtures/bytes.ts'
import { seeded } from '../fixtures/seeded.ts'

const ROW = 64 * 1024
const MIB = 1024 * 1024

/** Rows of zeros and of bytes, as the letters say; `b` has its only byte at the end. */
function rows(letters: string): Buffer {
  return Buffer.concat(
    [...letters].map(letter => {
      const row = Buffer.alloc(ROW)
      if (letter === 'x') row.fill(7)
      if (letter === 'b') row[ROW - 1] = 1
      return row
    })
  )
}

const blocksOf = async (path: string): Promise<number> => (await stat(path)).blocks * 512

t.test('M91: runs are what is not zero, in whole rows', t => {
  const runs = (bytes: Uint8Array) => [...runsOf(bytes)].map(([from, to]) => [from / ROW, to / ROW])
  t.same(runs(rows('')), [])
  t.same(runs(rows('0000')), [])
  t.same(runs(rows('xx')), [[0, 2]])
  t.same(runs(rows('0x0')), [[1, 2]])
  t.same(runs(rows('x00b0')), [
    [0, 1],
    [3, 4]
  ])
  t.same([...runsOf(Buffer.from([0, 0, 1]))], [[0, 3]], 'a short row')
  t.same([...runsOf(Buffer.alloc(3))], [])
  t.same([...runsOf(Buffer.concat([rows('0'), Buffer.from([5])]))], [[ROW, ROW + 1]])
  t.end()
})

t.test('M91: the same bytes, whatever they are and however they come; zeros take no room', async t => {
  const random = seeded()
  t.comment(`seed ${random.seed}`)
  const letters = [...random.bytes(40)].map(byte => '0xb'[byte % 3]).join('')
  const bodies = [
    pattern(MIB + 3),
    rows(`${'0'.repeat(64)}x${'0'.repeat(64)}`),
    rows('0'.repeat(30)),
    Buffer.concat([rows('0'.repeat(20)), Buffer.alloc(100)]),
    rows(letters),
    Buffer.alloc(0)
  ]
  for (const body of bodies) {
    for (const step of [MIB, 1000, ROW, ROW + 1, 3 * MIB]) {
      const directory = t.testdir({})
      const path = join(directory, 'name')
      const source = [...cut(body, step)].map(piece => Uint8Array.from(piece))
      t.same(await writeFile(directory, 'name', { holes: true, owned: true })(source), { bytes: body.byteLength })
      t.equal(print(await readFile(path)), print(body))
      const written = [...runsOf(body)].reduce((sum, [from, to]) => sum + to - from, 0)
      if (step === ROW) t.ok((await blocksOf(path)) <= written + MIB / 8, `${await blocksOf(path)} for ${written}`)
    }
  }
})

t.test('M91: the size is that of what has come, at every moment; appending goes on behind a hole', async t => {
  for (const flags of ['r+', 'a']) {
    const path = join(t.testdir({ name: 'abc' }), 'name')
    const file = await open(path, flags)
    const sizes: number[] = []
    const source = async function* () {
      for (const letters of ['00', 'x', '000', '0x']) {
        yield rows(letters)
        sizes.push((await file.stat()).size)
      }
    }
    t.equal(await writeWithHoles(file, source()), 8 * ROW)
    t.same(
      sizes,
      [2, 3, 6, 8].map(count => count * ROW + 3)
    )
    await file.close()
    t.same(await readFile(path), Buffer.concat([Buffer.from('abc'), rows('00x0000x')]), flags)
  }
})

t.test('faults are errors of ours', async (t: Test) => {
  const path = join(t.testdir({ name: '' }), 'name')
  const file = await open(path, 'r')
  for (const letters of ['x', '0'])
    await t.rejects(writeWithHoles(file, [rows(letters)]), { code: 'ERR_SFT_FILE' }, letters)
  const error = new Error('half way')
  const failing = async function* () {
    yield await Promise.reject(error)
  }
  await t.rejects(writeWithHoles(file, failing()), error)
  const signal = AbortSignal.abort(error)
  await t.rejects(writeWithHoles(file, [rows('x')], { signal }), error)
  await file.close()
})
