import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkSize, whole, wholeFile } from '../../src/proof/whole.ts'
import { seeded } from '../fixtures/seeded.ts'

const limit = { bytes: 3_000_000, tooLarge: 'more than that' }
const tooLarge = { code: 'ERR_SFT_LIMIT', message: 'more than that' }
const directory = t.testdir({})
const bytes = seeded(7).bytes(limit.bytes)

function file(name: string, content: Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

async function* pieces(content: Uint8Array, size: number) {
  for (let at = 0; at < content.byteLength; at += size) yield content.subarray(at, at + size)
}

t.test('all of a file, up to the limit and no byte more', async t => {
  for (const size of [0, 1, 2 ** 20, limit.bytes]) {
    const content = bytes.subarray(0, size)
    t.ok(Buffer.from(content).equals(await wholeFile(file(`${size}`, content), limit)), `${size} bytes`)
  }
  await t.rejects(wholeFile(file('large', Buffer.concat([bytes, bytes.subarray(0, 1)])), limit), tooLarge)
  t.doesNotThrow(() => checkSize(limit.bytes, limit))
  t.throws(() => checkSize(limit.bytes + 1, limit), tooLarge)
})

t.test('all of a source, in pieces of any size', async t => {
  for (const size of [999, 2 ** 20, limit.bytes])
    t.ok(Buffer.from(bytes).equals(await whole(pieces(bytes, size), limit)), `pieces of ${size} bytes`)
  t.equal((await whole(pieces(bytes, 1), { ...limit, bytes: 0 }).catch(error => error)).code, 'ERR_SFT_LIMIT')
  const expected = { size: 10 }
  t.ok(Buffer.from(bytes).equals(await whole(pieces(bytes, 4096), limit, expected)), 'a file that has grown')
  t.equal((await whole(pieces(bytes.subarray(0, 5), 4096), limit, expected)).byteLength, 5, 'one that has shrunk')
})

t.test('what has no size is counted: no more is read than the limit and a piece', async t => {
  let given = 0
  let stopped = false
  async function* endless() {
    try {
      for (;;) {
        given += 100_000
        yield new Uint8Array(100_000)
      }
    } finally {
      stopped = true
    }
  }
  await t.rejects(whole(endless(), limit), tooLarge)
  t.equal(given, limit.bytes + 100_000)
  t.ok(stopped)
  await t.rejects(wholeFile('/dev/zero', limit), tooLarge)
})

t.test('whoever looks at the beginning may refuse the rest', async t => {
  let given = 0
  async function* counted() {
    for await (const piece of pieces(bytes, 1000)) {
      given++
      yield piece
    }
  }
  const first = (piece: Uint8Array): void => {
    if (piece[0] === bytes[0]) throw new Error('not this one')
  }
  await t.rejects(whole(counted(), limit, { first }), { message: 'not this one' })
  t.equal(given, 1)
  t.equal((await whole(pieces(bytes.subarray(1, 9), 1), limit, { first })).byteLength, 8)
})

t.test('what can not be read', async t => {
  await t.rejects(wholeFile(join(directory, 'none'), limit), { code: 'ERR_SFT_NOT_FOUND', message: /none/ })
  await t.rejects(wholeFile(directory, limit), { code: 'ERR_SFT_FILE' })
})
