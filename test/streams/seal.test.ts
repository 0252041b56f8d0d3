import t from 'tap'
import { defaultInFlight, seal } from '../../src/streams/seal.ts'
import type { Chunk, SealedChunk } from '../../src/streams/types.ts'
import { open as openBytes } from '../../src/workers/aead.ts'
import { MAX_STREAM_BYTES, SUITES, u64 } from '../../src/workers/construction.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import type { StreamKey } from '../../src/workers/stream-key.ts'
import { asChunk, C, collect, cut, LENGTHS, pattern, print, streamKey } from '../fixtures/bytes.ts'
import { auditingPool, countingPool, pairOf } from '../fixtures/pools.ts'

const chunksOf = (bytes: Uint8Array): Chunk[] => [...cut(bytes, C)].map(asChunk)

/** SPEC §7.2 and §7.3 by hand. */
function openByHand(key: StreamKey, frames: readonly SealedChunk[], firstChunk = 0): Buffer {
  const plain = frames.slice(0, -1).map(({ type, body }, i) => {
    const bytes = Buffer.concat(body)
    const index = firstChunk + i
    if (type !== 'RSFL' || print(bytes.subarray(0, 8)) !== print(u64(index))) throw new Error(`frame ${i}`)
    const aad = Buffer.concat([Buffer.from('RSFL'), u64(index)])
    return openBytes(key.chunk(index), index, aad, bytes.subarray(8)) ?? Buffer.from('does not open')
  })
  return Buffer.concat(plain)
}

function openFinal(key: StreamKey, end: number, last: SealedChunk | undefined): string {
  if (last?.type !== 'FINL') return 'no FINL'
  return print(openBytes(key.final, end, Buffer.from('FINL'), Buffer.concat(last.body)))
}

for (const suite of SUITES) {
  for (const len of LENGTHS) {
    t.test(`${suite} len=${len}`, async t => {
      const key = streamKey(suite)
      const frames = await collect(seal(inlinePool(), key)(chunksOf(pattern(len))))
      const n = Math.ceil(len / C)
      t.equal(frames.length, n + 1)
      t.equal(print(openByHand(key, frames)), print(pattern(len)))
      t.equal(openFinal(key, n, frames.at(-1)), print(Buffer.concat([u64(n), u64(len), u64(0)])))
    })
  }
}

t.test('indices count from the first chunk, and the end says so', async t => {
  const key = streamKey()
  const frames = await collect(seal(inlinePool(), key, { firstChunk: 65_535 })(chunksOf(pattern(C + 5))))
  t.equal(print(openByHand(key, frames, 65_535)), print(pattern(C + 5)), 'across the end of a group')
  t.equal(openFinal(key, 65_537, frames.at(-1)), print(Buffer.concat([u64(65_537), u64(C + 5), u64(65_535)])))
})

t.test('the window is the bound of the tasks under way', async t => {
  for (const inFlight of [1, 2, 5]) {
    const pool = countingPool()
    await collect(seal(pool, streamKey(), { inFlight })(chunksOf(pattern(12 * C))))
    t.equal(pool.tasks.most, inFlight)
  }
  t.same(
    [0, 1, 4].map(threads => defaultInFlight({ ...inlinePool(), threads })),
    [2, 2, 8]
  )
})

t.test('2^48 bytes are the limit of a stream', async t => {
  const huge = (byteLength: number): Chunk =>
    Object.defineProperty(pattern(1), 'byteLength', { value: byteLength }) as Chunk
  const pool = auditingPool(new Map(), true)
  const run = (...sizes: number[]) => collect(seal(pool, streamKey())(sizes.map(huge)))
  t.equal((await run(MAX_STREAM_BYTES - 1, 1)).length, 3)
  await t.rejects(run(MAX_STREAM_BYTES - 1, 1, 1), { code: 'ERR_SFT_LIMIT' })
})

t.test('nonce audit: no (key, nonce) pair twice in 100,000 chunks of several streams (M31)', async t => {
  const seen = new Map<string, string>()
  const pool = auditingPool(seen, true)
  const lengths = [40_000, 30_000, 20_000, 10_000]
  for (const [stream, length] of lengths.entries()) {
    const key = streamKey(stream % 2 === 0 ? 'aes-256-gcm' : 'chacha20-poly1305', stream * 10)
    await drain(seal(pool, key, { inFlight: 8 })(Array.from({ length }, () => asChunk(new Uint8Array(1)))))
    for (const [once, index] of [
      [key.header, 0],
      [key.final, length]
    ] as const) {
      t.notOk(seen.has(pairOf(once, index)), 'header and end have keys of their own')
      seen.set(pairOf(once, index), 'once')
    }
  }
  t.same(pool.repeats, [])
  t.equal(seen.size, 100_000 + 2 * lengths.length)
})

t.test('nonce audit: the key changes at every 2^16th chunk, and its nonces never meet', async t => {
  const seen = new Map<string, string>()
  const pool = auditingPool(seen, true)
  const keys = new Set<string>()
  const key = streamKey()
  for (const firstChunk of [0, 65_530, 131_066, 2 ** 34 - 6]) {
    await drain(seal(pool, key, { firstChunk })(Array.from({ length: 6 }, () => asChunk(new Uint8Array(1)))))
  }
  for (const index of [0, 65_535, 65_536, 131_071, 131_072, 2 ** 34 - 1]) {
    keys.add(key.chunk(index).key.export().toString('hex'))
  }
  t.equal(keys.size, 4, 'groups 0, 1, 2 and the last of 2^18')
  t.same(pool.repeats, [])
  const again = auditingPool(seen, true)
  await drain(seal(again, key)([asChunk(new Uint8Array(1))]))
  t.equal(again.repeats.length, 1, 'the audit sees a repeat')
})

async function drain(frames: AsyncIterable<SealedChunk>): Promise<void> {
  for await (const _ of frames);
}
