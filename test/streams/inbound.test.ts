import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { frameBytes } from '../../src/streams/frame.ts'
import { encodeClear, MAGIC, type ParsedHeader } from '../../src/streams/header.ts'
import { type InboundOptions, inbound } from '../../src/streams/inbound.ts'
import { outbound } from '../../src/streams/outbound.ts'
import type { Frame } from '../../src/streams/types.ts'
import { AEADS } from '../../src/workers/construction.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { C, collect, cut, hex, join, LENGTHS, pattern, print, STEPS, streamKey } from '../fixtures/bytes.ts'
import { tracked } from '../fixtures/stage-contract.ts'

const clear = (variable: boolean, chunkSize = C): Uint8Array =>
  encodeClear({
    suite: 'aes-256-gcm',
    chunkSize,
    variable,
    streamId: pattern(32),
    firstChunk: 0,
    stanzas: [{ hint: pattern(4), ciphertext: pattern(256) }]
  })
const headerFrame = (variable = false, tail = pattern(60)): Frame => ({
  type: 'STRM',
  body: [clear(variable), pattern(32), tail]
})

const key = streamKey()
/** No checkpoint is to be seen in a stream for one. */
const verify = (): never => {
  throw new Error('asked')
}
const stream = (len: number, of = key): Promise<Buffer> =>
  join(outbound(headerFrame(), { pool: inlinePool(), key: of, size: C })([pattern(len)]))
const inboundStage = (options: Partial<InboundOptions> = {}) =>
  inbound({ pool: inlinePool(), openHeader: async () => ({ key, verify }), ...options })

for (const suite of AEADS) {
  for (const len of LENGTHS) {
    const bytes = await stream(len, streamKey(suite))
    for (const step of STEPS) {
      t.test(`${suite} len=${len} step=${step}`, async t => {
        const opened = inboundStage({ openHeader: async () => ({ key: streamKey(suite), verify }) })(cut(bytes, step))
        t.equal(print(await join(opened)), print(pattern(len)))
      })
    }
  }
}

t.test('VAR: chunks of an idle source come back', async t => {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const size of [1, 500, 3]) {
      yield pattern(size)
      await new Promise(resolve => setTimeout(resolve, 30))
    }
  }
  const bytes = await join(outbound(headerFrame(true), { pool: inlinePool(), key, size: C, idle: 5 })(source()))
  const expected = Buffer.concat([1, 500, 3].map(size => pattern(size)))
  const pieces = await collect(inboundStage()([bytes]))
  t.equal(print(Buffer.concat(pieces)), print(expected))
  t.ok(pieces.length > 1, 'not one chunk')
})

t.test('openHeader is given the header, before a byte comes out; what it throws passes through', async t => {
  let seen: ParsedHeader | undefined
  const bytes = await stream(10)
  await collect(
    inboundStage({
      openHeader: async header => {
        seen = header
        return { key, verify }
      }
    })([bytes])
  )
  t.equal(print(seen?.clear), print(clear(false)))
  t.equal(print(seen?.tail), print(pattern(60)))
  t.equal(seen?.chunkSize, C)
  const refusal = new SftError('ERR_SFT_SENDER', 'not from you')
  const { source, state } = tracked(cut(bytes, 100))
  const refusing = inboundStage({ openHeader: () => Promise.reject(refusal) })(source)
  t.equal(await collect(refusing).catch((error: unknown) => error), refusal)
  t.ok(state.closed)
})

t.test('the first frame is STRM, of at most 64 KiB', async t => {
  const run = (...frames: Frame[]) =>
    collect(inboundStage()([Buffer.concat([MAGIC, ...frames.flatMap(each => [...frameBytes(each)])])]))
  for (const type of ['RSFL', 'FINL', 'PING', 'HELO'] as const) {
    await t.rejects(run({ type, body: [pattern(100)] }), { code: 'ERR_SFT_FRAME_TYPE' }, type)
  }
  await t.rejects(run(), { code: 'ERR_SFT_TRUNCATED' })
  await t.rejects(run(headerFrame(false, pattern(64 * 1024))), { code: 'ERR_SFT_FRAME_TOO_LARGE' })
  await t.rejects(run(headerFrame(), headerFrame()), { code: 'ERR_SFT_FRAME_TYPE' }, 'a second header')
})

t.test('after the header a frame holds at most one chunk', async t => {
  const bytes = await stream(C)
  const start = 8 + [...frameBytes(headerFrame())].reduce((sum, each) => sum + each.byteLength, 0)
  const frame = frameBytes({ type: 'RSFL', body: [pattern(C + 25)] })
  const oversize = Buffer.concat([bytes.subarray(0, start), ...frame])
  await t.rejects(collect(inboundStage()([oversize])), { code: 'ERR_SFT_FRAME_TOO_LARGE' })
})

t.test('data after the end is refused, from one byte on (M23)', async t => {
  const bytes = await stream(100)
  for (const tail of [hex('04'), hex('00'), hex('80'), hex('8000'), hex('0450494e47'), hex('0458585858'), bytes]) {
    let released = 0
    const run = async (): Promise<void> => {
      for await (const piece of inboundStage()([bytes, tail])) released += piece.byteLength
    }
    await t.rejects(run(), { code: 'ERR_SFT_TRAILING' }, print(tail.subarray(0, 5)))
    t.equal(released, 100)
  }
})

t.test('owned pieces are given back, borrowed ones are not', async t => {
  for (const owned of [true, false]) {
    const pieces = [...cut(await stream(5 * C), 2 * C)]
    await collect(inboundStage({ owned })(pieces))
    t.equal(pieces[1]?.byteLength, owned ? 0 : 2 * C)
  }
})
