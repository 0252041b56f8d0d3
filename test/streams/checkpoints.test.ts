import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import {
  MAX_UNSIGNED_BYTES,
  MAX_UNSIGNED_CHUNKS,
  openCheckpoints,
  sealCheckpoints
} from '../../src/streams/checkpoints.ts'
import { seal } from '../../src/streams/seal.ts'
import type { Frame, ReceivedFrame, SealedChunk, Source } from '../../src/streams/types.ts'
import { seal as sealBytes } from '../../src/workers/aead.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { asChunk, C, collect, pattern, received, streamKey } from '../fixtures/bytes.ts'
import { sign, verify } from '../fixtures/checkpoints.ts'
import { tracked } from '../fixtures/stage-contract.ts'

const MIB = 1024 * 1024
const key = streamKey()

/** Sealed chunks of these sizes and their end. */
const sealedChunks = (sizes: readonly number[]): Promise<SealedChunk[]> =>
  collect(seal(inlinePool(), key)(sizes.map((size, i) => asChunk(pattern(size, i)))))

const withCheckpoints = (source: Source<SealedChunk>, chunkSize = C, idle?: number): Promise<Frame[]> =>
  collect(sealCheckpoints(key, { sign, chunkSize, ...(idle !== undefined && { idle }) })(source))

const typesOf = (frames: readonly Frame[]): string => frames.map(({ type }) => type).join(' ')

/** What comes out of frames before they are refused, and why they are. */
async function read(frames: Iterable<Frame>): Promise<{ types: string; code: string }> {
  const out: ReceivedFrame[] = []
  try {
    for await (const frame of openCheckpoints(key, verify)([...frames].map(received))) out.push(frame)
  } catch (error) {
    return { types: typesOf(out.map(each => ({ ...each, body: [] }))), code: (error as { code: string }).code }
  }
  return { types: typesOf(out.map(each => ({ ...each, body: [] }))), code: 'ok' }
}

/** A chunk frame without the work of sealing it: a size, and an index that nobody looks at here. */
function blank(size: number): SealedChunk {
  return { type: 'RSFL', body: [new Uint8Array(8), new Uint8Array(size), new Uint8Array(16)] } as unknown as SealedChunk
}

t.test('the chunks as they were, and one checkpoint before the end', async t => {
  for (const sizes of [[], [1], [C, C, C], [1, C, 1]]) {
    const frames = await sealedChunks(sizes)
    const signed = await withCheckpoints(frames)
    t.equal(typesOf(signed), [...sizes.map(() => 'RSFL'), 'CKPT FINL'].join(' '))
    t.same(
      signed.filter(({ type }) => type !== 'CKPT'),
      frames
    )
    const back = await collect(openCheckpoints(key, verify)(signed.map(received)))
    t.same(back, frames.map(received))
  }
})

t.test('a checkpoint before the limits of M74 are passed', async t => {
  const places = async (sizes: number[], chunkSize: number) =>
    (await withCheckpoints(sizes.map(blank), chunkSize)).flatMap(({ type }, i) => (type === 'CKPT' ? [i] : []))
  t.same(await places(Array(40).fill(MIB), MIB), [16, 33])
  t.same(await places([MIB, 1, 1, ...Array(30).fill(MIB)], MIB), [17, 34], 'before one that might not fit')
  t.same(await places(Array(2100).fill(1), C), [1024, 2049])
  t.same(await places(Array(1030).fill(C), C), [1024], 'full chunks of the smallest size pass both at once')
  t.equal(MAX_UNSIGNED_CHUNKS * C, MAX_UNSIGNED_BYTES)
})

t.test('what the limits let through, and no more', async t => {
  const signed = (count: number, size: number) =>
    withCheckpoints(
      Array.from({ length: count }, () => blank(size)),
      size
    )
  const unsigned = (count: number, size: number) => Array.from({ length: count }, () => blank(size))
  const [check] = (await signed(MAX_UNSIGNED_CHUNKS, C)).slice(-1) as [Frame]
  t.match(await read([...unsigned(MAX_UNSIGNED_CHUNKS, C), check]), { code: 'ok' })
  for (const [count, size] of [
    [MAX_UNSIGNED_CHUNKS + 1, 1],
    [17, MIB]
  ] as const)
    t.same(await read(unsigned(count, size)), { types: '', code: 'ERR_SFT_SIGNATURE' }, `${count} of ${size}`)
})

t.test('a flood without a signature is not read on', async t => {
  const flood = function* () {
    for (;;) yield received(blank(1))
  }
  const { source, state } = tracked(flood())
  await t.rejects(collect(openCheckpoints(key, verify)(source)), { code: 'ERR_SFT_SIGNATURE' })
  t.equal(state.pulled, MAX_UNSIGNED_CHUNKS + 1)
  t.ok(state.closed)
})

t.test('nothing comes out before its checkpoint, and then at once', async t => {
  const [c0, c1, c2, end] = (await sealedChunks([10, 20, 30])) as Frame[] as [Frame, Frame, Frame, Frame]
  const [, s1, , s2, , s3, last] = await Array.fromAsync(
    sealCheckpoints(key, { sign, chunkSize: MAX_UNSIGNED_BYTES })([c0, c1, c2, end] as SealedChunk[])
  )
  const gate = Promise.withResolvers<void>()
  const source = async function* () {
    yield* [c0, s1 as Frame].map(received)
    yield received(c1)
    await gate.promise
    yield* [s2 as Frame, c2, s3 as Frame, last as Frame, end].map(received)
  }
  const out = openCheckpoints(key, verify)(source())
  t.same((await out.next()).value, received(c0), 'while its source waits')
  let settled = false
  const next = out.next().finally(() => {
    settled = true
  })
  for (let turns = 0; turns < 20; turns++) await turn()
  t.notOk(settled, 'not the second, which came long ago')
  gate.resolve()
  t.same((await next).value, received(c1))
  t.same(await collect(out), [c2, end].map(received))
})

t.test('an idle source is signed', async t => {
  const [c0, c1, end] = (await sealedChunks([10, 20])) as [SealedChunk, SealedChunk, SealedChunk]
  const source = async function* () {
    yield c0
    await new Promise(resolve => setTimeout(resolve, 60))
    yield* [c1, end]
  }
  const frames = await withCheckpoints(source(), C, 5)
  t.equal(typesOf(frames), 'RSFL CKPT RSFL CKPT FINL', 'once for a pause, however long')
  t.same(await read(frames), { types: 'RSFL RSFL FINL', code: 'ok' })
})

t.test('checkpoints that are not where they belong (M73)', async t => {
  const [c0, c1, end] = (await sealedChunks([10, 20])) as Frame[] as [Frame, Frame, Frame]
  const [, k0, , k1, final] = await Array.fromAsync(
    sealCheckpoints(key, { sign, chunkSize: MAX_UNSIGNED_BYTES })([c0, c1, end] as SealedChunk[])
  )
  const [a, b, f] = [k0, k1, final] as [Frame, Frame, Frame]
  const ping: Frame = { type: 'PING', body: [] }
  const cases: [string, Frame[], string, string][] = [
    ['as it should be', [c0, a, c1, b, f, end], 'RSFL RSFL FINL', 'ok'],
    ['no first', [c0, c1, b, f, end], '', 'SIGNATURE'],
    ['no final', [c0, a, c1, b, end], 'RSFL RSFL', 'SIGNATURE'],
    ['only the end', [end], '', 'SIGNATURE'],
    ['another chunk than the one it covers', [c1, a, c0, b, f, end], '', 'SIGNATURE'],
    ['twice', [c0, a, a, c1, b, f, end], 'RSFL', 'SIGNATURE'],
    ['swapped chunks', [c1, c0, f, end], '', 'SIGNATURE'],
    ['a chunk after the final one', [c0, a, c1, b, f, c1, end], 'RSFL RSFL', 'SIGNATURE'],
    [
      'a changed one',
      [c0, { ...a, body: [(a.body[0] as Uint8Array).map(byte => byte ^ 1), a.body[1] as Uint8Array] }],
      '',
      'SIGNATURE'
    ],
    ['an empty one', [c0, { type: 'CKPT', body: [] }], '', 'SIGNATURE'],
    ['a frame of another type is for the next stage', [c0, a, ping, c1, b, f, end], 'RSFL PING RSFL FINL', 'ok'],
    ['cut', [c0, a, c1], 'RSFL', 'ok']
  ]
  for (const [name, frames, types, code] of cases)
    t.same(await read(frames), { types, code: code === 'ok' ? code : `ERR_SFT_${code}` }, name)
})

t.test('an unknown kind, though it is signed', async t => {
  const [c0] = (await sealedChunks([10])) as Frame[] as [Frame, ...Frame[]]
  const [, good] = await withCheckpoints([c0 as SealedChunk], MAX_UNSIGNED_BYTES)
  t.match(await read([c0, good as Frame]), { code: 'ok' })
  for (const plaintext of [Buffer.alloc(0), Buffer.concat([Buffer.of(2), pattern(32)])]) {
    const { ciphertext, tag } = sealBytes(key.checkpoint, 0, Buffer.from('CKPT'), plaintext)
    t.match(await read([c0, { type: 'CKPT', body: [ciphertext, tag] }]), { types: '', code: 'ERR_SFT_SIGNATURE' })
  }
})

t.test('every checkpoint has a nonce of its own', async t => {
  const frames = await withCheckpoints(
    Array.from({ length: 5 }, () => blank(C)),
    MAX_UNSIGNED_BYTES
  )
  const bodies = frames.filter(({ type }) => type === 'CKPT').map(({ body }) => Buffer.concat(body).toString('hex'))
  t.equal(new Set(bodies).size, 5)
})
