import t from 'tap'
import { type OpenOptions, open } from '../../src/streams/open.ts'
import { seal } from '../../src/streams/seal.ts'
import type { ReceivedFrame } from '../../src/streams/types.ts'
import { seal as sealBytes } from '../../src/workers/aead.ts'
import { MAX_STREAM_BYTES, SUITES, u64 } from '../../src/workers/construction.ts'
import { type CipherPool, inlinePool } from '../../src/workers/pool.ts'
import type { StreamKey } from '../../src/workers/stream-key.ts'
import { asChunk, C, collect, cut, hex, join, LENGTHS, pattern, print, received, streamKey } from '../fixtures/bytes.ts'
import { countingPool } from '../fixtures/pools.ts'

const key = streamKey()

async function sealedFrames(
  bytes: Uint8Array,
  step = C,
  of: StreamKey = key,
  firstChunk = 0
): Promise<ReceivedFrame[]> {
  const chunks = [...cut(bytes, step)].map(asChunk)
  return (await collect(seal(inlinePool(), of, { firstChunk })(chunks))).map(received)
}

const opened = (
  frames: readonly ReceivedFrame[],
  options: Partial<OpenOptions> = {},
  pool: CipherPool = inlinePool()
) => open(pool, key, { chunkSize: C, variable: false, ...options })(frames)

/** `FINL` that claims what it is told. */
function finalFrame(end: number, bytes: number, first: number, index = end): ReceivedFrame {
  const { ciphertext, tag } = sealBytes(
    key.final,
    index,
    Buffer.from('FINL'),
    Buffer.concat([end, bytes, first].map(u64))
  )
  return received({ type: 'FINL', body: [ciphertext, tag] })
}

for (const suite of SUITES) {
  for (const len of LENGTHS) {
    t.test(`${suite} len=${len}`, async t => {
      const of = streamKey(suite)
      const frames = await sealedFrames(pattern(len), C, of)
      const bytes = await join(open(inlinePool(), of, { chunkSize: C, variable: false })(frames))
      t.equal(print(bytes), print(pattern(len)))
    })
  }
}

t.test('VAR: chunks of 1 byte to the chunk size, in any order of sizes', async t => {
  for (const step of [1, 7, 1000]) {
    const frames = await sealedFrames(pattern(3000), step)
    t.equal(print(await join(opened(frames, { variable: true }))), print(pattern(3000)))
  }
})

t.test('a stream that starts at a later chunk', async t => {
  const frames = await sealedFrames(pattern(C + 9), C, key, 65_535)
  t.equal(print(await join(opened(frames, { firstChunk: 65_535 }))), print(pattern(C + 9)))
})

t.test('what a frame may not be', async t => {
  const good = await sealedFrames(pattern(2 * C + 9))
  const copy = (frame: ReceivedFrame | undefined): ReceivedFrame =>
    received({ type: frame?.type ?? 'RSFL', body: [frame?.body ?? hex('')] })
  const [a, b, c, end] = [() => copy(good[0]), () => copy(good[1]), () => copy(good[2]), () => copy(good[3])]
  const change = (frame: ReceivedFrame, at: number): ReceivedFrame => {
    const body = Uint8Array.from(frame.body)
    body[at] = (body.at(at) ?? 0) ^ 1
    return { ...frame, body }
  }
  const shorter = (frame: ReceivedFrame): ReceivedFrame => ({ ...frame, body: frame.body.slice(0, -1) })
  const rsfl = (size: number): ReceivedFrame => received({ type: 'RSFL', body: [u64(0), pattern(size - 8)] })
  const cases: readonly (readonly [string, string, readonly ReceivedFrame[], number])[] = [
    ['nothing at all', 'ERR_SFT_TRUNCATED', [], 0],
    ['no FINL', 'ERR_SFT_TRUNCATED', [a(), b(), c()], 2 * C + 9],
    ['the last chunk is missing', 'ERR_SFT_FINAL', [a(), b(), end()], 2 * C],
    ['only FINL', 'ERR_SFT_FINAL', [end()], 0],
    ['the first chunk is missing', 'ERR_SFT_CHUNK_ORDER', [b(), c(), end()], 0],
    ['a chunk in the middle is missing', 'ERR_SFT_CHUNK_ORDER', [a(), c(), end()], C],
    ['a chunk is repeated', 'ERR_SFT_CHUNK_ORDER', [a(), a(), b(), c(), end()], C],
    ['two chunks are swapped', 'ERR_SFT_CHUNK_ORDER', [b(), a(), c(), end()], 0],
    ['a chunk after FINL', 'ERR_SFT_TRAILING', [a(), b(), c(), end(), c()], 2 * C + 9],
    ['two FINL', 'ERR_SFT_TRAILING', [a(), b(), c(), end(), end()], 2 * C + 9],
    ['a wrong index with its own tag', 'ERR_SFT_CHUNK_ORDER', [change(a(), 7), b(), c(), end()], 0],
    ['first chunk changed', 'ERR_SFT_CHUNK_AUTH', [change(a(), 8), b(), c(), end()], 0],
    ['a tag changed', 'ERR_SFT_CHUNK_AUTH', [a(), change(b(), C + 23), c(), end()], C],
    ['a chunk one byte short', 'ERR_SFT_CHUNK_AUTH', [a(), b(), shorter(c()), end()], 2 * C],
    ['FINL changed', 'ERR_SFT_FINAL', [a(), b(), c(), change(end(), 3)], 2 * C + 9],
    ['FINL cut', 'ERR_SFT_FINAL', [a(), b(), c(), shorter(end())], 2 * C + 9],
    ['FINL empty', 'ERR_SFT_FINAL', [a(), b(), c(), received({ type: 'FINL', body: [] })], 2 * C + 9],
    ['FINL with a wrong end', 'ERR_SFT_FINAL', [a(), b(), c(), finalFrame(4, 2 * C + 9, 0, 3)], 2 * C + 9],
    ['FINL with wrong bytes', 'ERR_SFT_FINAL', [a(), b(), c(), finalFrame(3, 2 * C + 8, 0)], 2 * C + 9],
    ['FINL with a wrong first chunk', 'ERR_SFT_FINAL', [a(), b(), c(), finalFrame(3, 2 * C + 9, 1)], 2 * C + 9],
    ['another type', 'ERR_SFT_FRAME_TYPE', [a(), received({ type: 'PING', body: [] }), b()], C],
    ['a header inside', 'ERR_SFT_FRAME_TYPE', [received({ type: 'STRM', body: [pattern(99)] })], 0],
    ['a body without room for a tag', 'ERR_SFT_CHUNK_SIZE', [rsfl(9)], 0],
    ['an empty chunk', 'ERR_SFT_CHUNK_SIZE', [rsfl(24)], 0],
    ['a chunk too large', 'ERR_SFT_CHUNK_SIZE', [rsfl(C + 25)], 0]
  ]
  for (const [name, code, frames, released] of cases) {
    let bytes = 0
    const run = async (): Promise<void> => {
      for await (const piece of opened(frames, { inFlight: 3 })) bytes += piece.byteLength
    }
    await t.rejects(run(), { code }, name)
    t.equal(bytes, released, `${name}: releases what has verified, and no more`)
  }
})

t.test('without VAR only the last chunk is short (M30)', async t => {
  const frames = await sealedFrames(pattern(3 * C), C - 1)
  await t.rejects(join(opened(frames)), { code: 'ERR_SFT_CHUNK_SIZE' })
  t.equal(
    print(await join(opened(await sealedFrames(pattern(3 * C), C - 1), { variable: true }))),
    print(pattern(3 * C))
  )
})

t.test('chunks of another stream do not open, whatever their index', async t => {
  const other = await sealedFrames(pattern(2 * C), C, streamKey('aes-256-gcm', 9))
  await t.rejects(join(opened(other)), { code: 'ERR_SFT_CHUNK_AUTH' })
})

t.test('a frame that is refused costs no decryption', async t => {
  const pool = countingPool()
  const frames = await sealedFrames(pattern(3 * C))
  await t.rejects(join(opened([frames[1] as ReceivedFrame], {}, pool)), { code: 'ERR_SFT_CHUNK_ORDER' })
  t.equal(pool.tasks.started, 0)
})

t.test('2^48 bytes are the limit of a stream', async t => {
  const claims = (index: number, size: number): ReceivedFrame => ({
    type: 'RSFL',
    body: Object.defineProperty(Uint8Array.from(u64(index)), 'byteLength', { value: size + 24 })
  })
  const pool = { ...inlinePool(), open: async () => new Uint8Array(1) }
  const run = (...sizes: number[]) =>
    join(open(pool, key, { chunkSize: 2 ** 49, variable: true })([...sizes.map((size, i) => claims(i, size))]))
  await t.rejects(run(MAX_STREAM_BYTES - 1, 1), { code: 'ERR_SFT_TRUNCATED' })
  await t.rejects(run(MAX_STREAM_BYTES - 1, 2), { code: 'ERR_SFT_LIMIT' })
})
