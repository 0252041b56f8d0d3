import fc from 'fast-check'
import t, { type Test } from 'tap'
import { frameBytes } from '../../src/streams/frame.ts'
import type { ReceivedFrame } from '../../src/streams/types.ts'
import { unframe } from '../../src/streams/unframe.ts'
import { encodeVarint } from '../../src/streams/varint.ts'
import { C, collect, cut, hex, LENGTHS, pattern, print, received, STEPS } from '../fixtures/bytes.ts'

const CAP = 64 * 1024
const rsfl = (size: number, seed = 0): ReceivedFrame => received({ type: 'RSFL', body: [pattern(size, seed)] })
const bytesOf = (...frames: ReceivedFrame[]): Buffer =>
  Buffer.concat(frames.flatMap(({ type, body }) => [...frameBytes({ type, body: [body] })]))
const printed = (frames: readonly ReceivedFrame[]): string[] => frames.map(({ type, body }) => `${type} ${print(body)}`)

for (const len of LENGTHS) {
  for (const step of STEPS) {
    t.test(`len=${len} step=${step}`, async t => {
      const frames = [rsfl(len), rsfl(3, 7), received({ type: 'PING', body: [] }), rsfl(len, 9)]
      const seen = await collect(unframe({ cap: CAP })(cut(bytesOf(...frames), step)))
      t.same(printed(seen), printed(frames))
    })
  }
}

t.test('each body has a buffer of its own, also when many frames come in one piece', async t => {
  const [one, two] = await collect(unframe({ cap: CAP })([bytesOf(rsfl(100), rsfl(100))]))
  t.not(one?.body.buffer, two?.body.buffer)
  t.equal(one?.body.buffer.byteLength, 104, 'the body is a view behind its type')
})

t.test('owned pieces are given back once they are copied', async t => {
  const pieces = [...cut(bytesOf(rsfl(C), rsfl(C), rsfl(C)), C)]
  await collect(unframe({ cap: CAP, owned: true })(pieces))
  t.ok(pieces.slice(0, -1).every(piece => piece.byteLength === 0))
})

const refuse = (t: Test, code: string, bytes: Uint8Array, cap: number | (() => number) = CAP): Promise<unknown> =>
  Promise.all(
    [1, 3, 1000].map(step => t.rejects(collect(unframe({ cap })(cut(bytes, step))), { code }, `step=${step}`))
  )

t.test('lengths: minimal, at most 4 bytes, 4 to the cap (M3, M4)', async t => {
  for (const [name, bytes] of [
    ['zero', '00'],
    ['shorter than a type', '0352534c46'],
    ['not minimal, 2 bytes', '84005053494e47'],
    ['not minimal, 4 bytes', '84808000'],
    ['5 bytes', '8480808000'],
    ['endless', 'ffffffffffffffff']
  ] as const) {
    await t.test(name, t => refuse(t, 'ERR_SFT_FRAME_LENGTH', hex(bytes)))
  }
  await t.test('above the cap', t => refuse(t, 'ERR_SFT_FRAME_TOO_LARGE', encodeVarint(CAP + 1)))
  await t.test('far above the cap', t => refuse(t, 'ERR_SFT_FRAME_TOO_LARGE', encodeVarint(2 ** 28 - 1)))
  const [largest] = await collect(unframe({ cap: CAP })([bytesOf(rsfl(CAP - 4))]))
  t.equal(largest?.body.byteLength, CAP - 4)
})

t.test('the cap is compared before memory for the frame is taken', async t => {
  const before = process.memoryUsage().arrayBuffers
  const huge = Array.from({ length: 50 }, () => collect(unframe({ cap: CAP })([encodeVarint(2 ** 28 - 1)])))
  await Promise.allSettled(huge)
  t.ok(process.memoryUsage().arrayBuffers - before < 2 ** 27, 'not one of 50 × 256 MiB')
})

t.test('a cap that is a function is asked for every frame', async t => {
  let cap = 100
  const frames = unframe({ cap: () => cap })([bytesOf(rsfl(50), rsfl(50), rsfl(50))])
  await frames.next()
  await frames.next()
  cap = 53
  await t.rejects(frames.next(), { code: 'ERR_SFT_FRAME_TOO_LARGE' })
})

t.test('an end inside a frame is truncation, at every byte (M5)', async t => {
  const bytes = bytesOf(rsfl(200), rsfl(5))
  const ends = [0, 206, bytes.byteLength]
  for (let size = 0; size <= bytes.byteLength; size++) {
    const run = collect(unframe({ cap: CAP })([bytes.subarray(0, size)]))
    if (ends.includes(size)) await t.resolves(run, `${size} of ${bytes.byteLength}`)
    else await t.rejects(run, { code: 'ERR_SFT_TRUNCATED' }, `${size} of ${bytes.byteLength}`)
  }
})

t.test('frames before a fault come out', async t => {
  const frames = unframe({ cap: CAP })([Buffer.concat([bytesOf(rsfl(5)), hex('00')])])
  t.equal((await frames.next()).value?.type, 'RSFL')
  await t.rejects(frames.next(), { code: 'ERR_SFT_FRAME_LENGTH' })
})

t.test('after the last frame not one byte follows (M23)', async t => {
  const last = received({ type: 'FINL', body: [pattern(40)] })
  const run = (...tail: Uint8Array[]) => collect(unframe({ cap: CAP, last: 'FINL' })([bytesOf(rsfl(5), last), ...tail]))
  t.equal((await run()).length, 2)
  t.equal((await run(new Uint8Array(0))).length, 2)
  for (const tail of ['00', '04', '80', '8000', '0450494e47', '0458585858']) {
    await t.rejects(run(hex(tail)), { code: 'ERR_SFT_TRAILING' }, tail)
  }
  await t.resolves(collect(unframe({ cap: CAP })([bytesOf(last, last)])), 'unless no frame is the last')
})

t.test('an unknown type is refused (M6)', t => refuse(t, 'ERR_SFT_FRAME_TYPE', hex('0458585858')))

t.test('what frame writes, unframe reads, however it is cut', async t => {
  const cutAt = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 30 })
  const bodies = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 })
  await t.resolves(
    fc.assert(
      fc.asyncProperty(bodies, cutAt, async (all, steps) => {
        const frames = all.map(body => received({ type: 'RSFL', body: [body] }))
        const seen = await collect(unframe({ cap: CAP })(cutUnevenly(bytesOf(...frames), steps)))
        return printed(seen).join() === printed(frames).join()
      }),
      { numRuns: 100 }
    )
  )
})

function* cutUnevenly(bytes: Uint8Array, steps: readonly number[]): Generator<Uint8Array> {
  for (let offset = 0, i = 0; offset < bytes.byteLength; i++) {
    const step = steps[i % steps.length] ?? 1
    yield bytes.subarray(offset, offset + step)
    offset += step
  }
}
