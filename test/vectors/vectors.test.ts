import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { ERRORS } from '../../src/streams/errors.ts'
import { openStream } from '../../src/transfer/pipe.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { cut, cutFinely } from '../fixtures/bytes.ts'
import { decodeVector, encodeVector, releasedHash, type Vector } from '../fixtures/vector.ts'
import { VECTORS } from './cases/all.ts'
import { ORG, party, ROOT } from './parties.ts'

/**
 * Each vector of this directory, read whole, in two pieces, and one byte at a time: the same code, the same bytes released. The inside of a
 * long frame comes in longer pieces, since nothing looks at it before all of it is there; with `SFT_TEST_LONG=1` it is one byte at a time, too.
 */

const here = new URL('./', import.meta.url)
const names = readdirSync(here).filter(name => name.endsWith('.vector'))
const files = new Map(names.map(name => [name, readFileSync(new URL(name, here))]))
const long = process.env.SFT_TEST_LONG === '1'
const people = new Map(['alice', 'bob', 'carol'].map(name => [name, party(name)]))

async function read(vector: Vector, pieces: Iterable<Uint8Array>): Promise<{ expect: string; released: string }> {
  const reader = people.get(vector.identity)
  if (!reader) throw new Error(`nobody is called ${vector.identity}`)
  const open = openStream({
    identity: { org: ORG, root: ROOT, ...reader },
    pool: inlinePool(),
    from: vector.from === undefined ? undefined : [vector.from],
    now: () => new Date(vector.now)
  })
  const released: Uint8Array[] = []
  let expect = 'ok'
  try {
    for await (const piece of open(pieces)) released.push(piece)
  } catch (error) {
    expect = (error as { code?: string }).code ?? String(error)
  }
  return { expect, released: releasedHash(Buffer.concat(released)) }
}

for (const [name, bytes] of files) {
  t.test(name, async t => {
    const vector = decodeVector(name, bytes)
    const expected = { expect: vector.expect, released: vector.released }
    t.ok(vector.expect === 'ok' || vector.expect in ERRORS)
    t.same(await read(vector, [vector.file]), expected, 'whole')
    const middle = Math.ceil(vector.file.byteLength / 2)
    t.same(await read(vector, cut(vector.file, Math.max(1, middle))), expected, 'in two pieces')
    const fine = long ? cut(vector.file, 1) : cutFinely(vector.file)
    t.same(await read(vector, fine), expected, 'one byte at a time')
  })
}

t.test('there are enough, and they are small', t => {
  t.ok(files.size >= 60, `${files.size} vectors`)
  const sizes = [...files.values()].map(({ byteLength }) => byteLength)
  t.ok(Math.max(...sizes) < 60 * 1024)
  t.ok(sizes.reduce((sum, size) => sum + size, 0) < 1.5 * 1024 * 1024)
  t.end()
})

t.test('the files are what the second encoder makes', t => {
  t.same([...names].sort(), VECTORS.map(({ name }) => `${name}.vector`).sort())
  for (const vector of VECTORS) {
    t.ok(
      files.get(`${vector.name}.vector`)?.equals(encodeVector(vector)),
      `${vector.name}: run node test/vectors/make.ts`
    )
  }
  t.end()
})
