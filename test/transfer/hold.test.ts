import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { hold } from '../../src/transfer/hold.ts'
import { collect, cut, join as joinBytes, pattern } from '../fixtures/bytes.ts'

const MIB = 1024 * 1024

t.test('nothing comes out before the source has ended', async t => {
  const path = join(t.testdir(), 'held')
  for (const size of [0, 1, MIB, 3 * MIB + 1]) {
    const bytes = pattern(size)
    const state = { ended: false }
    const source = async function* () {
      yield* cut(bytes, 100_000)
      state.ended = true
    }
    const held = hold(path)(source())
    const first = await held.next()
    t.ok(state.ended, `${size} bytes`)
    const rest = first.done ? Buffer.alloc(0) : Buffer.concat([first.value, await joinBytes(held)])
    t.ok(rest.equals(bytes))
    t.same(await readdir(join(path, '..')), [])
  }
})

t.test('pieces have buffers of their own', async t => {
  const pieces = await collect(hold(join(t.testdir(), 'held'))(cut(pattern(2 * MIB + 3), 1000)))
  t.same(
    pieces.map(piece => [piece.byteLength, piece.buffer.byteLength]),
    [
      [MIB, MIB],
      [MIB, MIB],
      [3, 3]
    ]
  )
})

t.test('while it is held, it has no name', async t => {
  const directory = t.testdir()
  const during: string[][] = []
  const source = async function* () {
    yield pattern(10)
    during.push(await readdir(directory))
  }
  await collect(hold(join(directory, 'held'))(source()))
  t.same(during, [[]])
})

t.test('failures release nothing and leave nothing', async t => {
  const directory = t.testdir()
  const path = join(directory, 'held')
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield pattern(10)
    throw new Error('cut')
  }
  await t.rejects(hold(path)(broken()).next(), { message: 'cut' })
  await writeFile(path, 'precious')
  await t.rejects(hold(path)([pattern(10)]).next(), { code: 'ERR_SFT_EXISTS' })
  t.equal(await readFile(path, 'utf8'), 'precious')
  await t.rejects(hold(join(directory, 'no/held'))([pattern(10)]).next(), { code: 'ERR_SFT_FILE' })
  const before = (await readdir('/proc/self/fd')).length
  for await (const _ of hold(join(directory, 'early'))([pattern(10)])) break
  t.equal((await readdir('/proc/self/fd')).length, before, 'an early stop closes it')
  t.same(await readdir(directory), ['held'])
})
