import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { badCapture } from '../../../src/proof/judge/controls.ts'
import { Budget } from '../../../src/proof/judge/inflations.ts'
import { judgeClaims } from '../../../src/proof/judge/judge.ts'
import { NamesSearch } from '../../../src/proof/judge/names.ts'
import { picturesOf } from '../../../src/proof/judge/pictures.ts'
import { PlaintextSearch } from '../../../src/proof/judge/plaintext.ts'
import { CLAIMS, type Claim, type Known } from '../../../src/proof/model.ts'
import { SftError } from '../../../src/streams/errors.ts'
import { seeded } from '../../fixtures/seeded.ts'

/** Captures of anything at all: the judge gives a verdict of each, in a time that grows with its size and no faster. */

t.setTimeout(170_000)
const CLASSIC = await readFile(fileURLToPath(new URL('../../data/classic/capture.pcap', import.meta.url)))
const known: Known = {
  plain: [{ name: 'some-file', bytes: Buffer.from('some words of a file, and zeros'.repeat(50).padEnd(5000, '\0')) }],
  texts: [{ kind: 'user name', text: 'alexandra' }]
}

async function judged(capture: Uint8Array, about = known): Promise<readonly Claim[]> {
  const all = dissect(parseCapture(capture))
  picturesOf(all)
  return judgeClaims(all, about)
}

const flow = (...pieces: Uint8Array[]): Buffer =>
  writeCapture([{ port: 9, pieces: pieces.map((bytes, at) => ({ dialler: at % 2 === 0, bytes })) }])

t.test('captures with errors in them', async t => {
  const random = seeded()
  t.comment(`seed ${random.seed}`)
  const streams = badCapture([{}, { clear: true }])
  let read = 0
  for (let turn = 0; turn < 30; turn++) {
    const copy = Buffer.from(turn % 2 === 0 ? CLASSIC : streams.capture)
    for (let times = 1 + random.int(40); times > 0; times--)
      copy[24 + random.int(copy.byteLength - 24)] = random.int(256)
    try {
      const claims = await judged(turn % 3 === 0 ? copy.subarray(0, random.int(copy.byteLength)) : copy, streams.known)
      t.same(
        claims.map(({ id }) => id),
        CLAIMS
      )
      read++
    } catch (error) {
      if (!SftError.is(error)) throw error
    }
  }
  t.ok(read > 8, `${read} of 30 were captures all the same`)
})

const KiB = 1024
const MiB = 1024 * KiB
const ODD: Record<string, () => Uint8Array> = {
  zeros: () => Buffer.alloc(2 * MiB),
  'one line again and again': () => Buffer.from('a line like any other\n'.repeat(50 * KiB)),
  base64: () => Buffer.from(randomBytes(MiB).toString('base64')),
  'base64 of zeros': () => Buffer.from('A'.repeat(MiB)),
  'hex of zeros, in lines': () => Buffer.from(`${'00'.repeat(40)}\n`.repeat(10 * KiB)),
  'line breaks': () => Buffer.from('\r\n'.repeat(500 * KiB)),
  'escaped line breaks': () => Buffer.from('A\\n'.repeat(500 * KiB)),
  'what inflates to a thousand times as much': () => gzipSync(Buffer.alloc(20 * MiB)),
  'the same in zstd': () => zstdCompressSync(Buffer.alloc(20 * MiB)),
  'marks of gzip, one behind the other': () => Buffer.alloc(50 * KiB, Buffer.from('1f8b0800000000000003', 'hex')),
  'marks of gzip with a name that does not end': () => Buffer.alloc(MiB, Buffer.from('1f8b0808', 'hex')),
  'marks of zstd': () => Buffer.alloc(20 * KiB, Buffer.from('28b52ffd', 'hex')),
  'marks of zlib': () => Buffer.alloc(20 * KiB, Buffer.from('789c', 'hex')),
  'empty blocks of deflate': () => Buffer.alloc(MiB, deflateRawSync(Buffer.alloc(0), { finishFlush: 2 }))
}

for (const [name, bytes] of Object.entries(ODD))
  t.test(`a flow of ${name}`, async t => {
    const claims = await judged(flow(bytes(), randomBytes(100)))
    t.same(
      claims.map(({ id }) => id),
      CLAIMS
    )
    t.equal(claims.find(({ id }) => id === 'sizes')?.verdict, 'fails')
  })

t.test('M173: more places where something compressed may begin than are tried', async t => {
  for (const [most, may] of [
    [100_000, (budget: Budget) => budget.mayTry()],
    [400_000, (budget: Budget) => budget.mayStart()],
    [5000, (budget: Budget) => budget.mayInflate()]
  ] as const) {
    const budget = new Budget()
    for (let tries = 0; tries < most; tries++) may(budget)
    t.notOk(budget.exhausted, 'nothing was left out')
    t.notOk(may(budget))
    t.ok(budget.exhausted)
  }
  // what was not looked through can not be said to hold
  t.match(new NamesSearch([], known).claim(true), { verdict: 'unknown', evidence: [{ text: /not all of it/ }] })
  t.match(new PlaintextSearch([], known).claim(true), { verdict: 'unknown', evidence: [{ text: /not all of it/ }] })
  t.equal(new NamesSearch([], known).claim().verdict, 'holds')
})

t.test('many connections of a few bytes', async t => {
  const pieces = (): { dialler: boolean; bytes: Buffer }[] => [{ dialler: true, bytes: randomBytes(30) }]
  const capture = writeCapture(Array.from({ length: 1000 }, () => ({ port: 9, pieces: pieces() })))
  t.same(
    (await judged(capture)).map(({ id }) => id),
    CLAIMS
  )
})

t.test('what was compressed is found in it, however large what it inflates to', async t => {
  const file = Buffer.from('the words that nobody else may read, all of them')
  const bytes = gzipSync(Buffer.concat([Buffer.alloc(10 * MiB), file]))
  const claims = await judged(flow(bytes), { plain: [{ name: 'words', bytes: file }] })
  t.equal(claims.find(({ id }) => id === 'plaintext')?.verdict, 'fails')
})

t.test('M173: no more is inflated than a capture of its size may have, and it is said', async t => {
  const plain = [{ name: 'words', bytes: randomBytes(100) }]
  const bomb = brotliCompressSync(Buffer.alloc(60 * MiB))
  const claims = await judged(flow(bomb, bomb), { plain })
  const plaintext = claims.find(({ id }) => id === 'plaintext')
  t.match(plaintext, { verdict: 'unknown', evidence: [{ text: /more comes out of what is compressed/ }] })
  const good = await judged(flow(brotliCompressSync(Buffer.alloc(4 * MiB))), { plain })
  t.equal(good.find(({ id }) => id === 'plaintext')?.verdict, 'holds')
})
