import t from 'tap'
import {
  CLASSIC_TYPES,
  ClassicReader,
  classicMessages,
  encodeClassic,
  MAX_CLASSIC_PAYLOAD
} from '../../../src/auth/classic/wire.ts'
import { collect, cut, pattern } from '../../fixtures/bytes.ts'

const MESSAGES = CLASSIC_TYPES.flatMap(type =>
  [0, 1, 2, 256, MAX_CLASSIC_PAYLOAD].map(size => ({ type, payload: pattern(size) }))
)
const WIRE = Buffer.concat(MESSAGES.map(({ type, payload }) => encodeClassic(type, payload)))

for (const step of [1, 2, 7, 8, 264, 65536]) {
  t.test(`A9, A10: messages in pieces of ${step} bytes`, async t => {
    const read = await collect(classicMessages()(cut(WIRE, step)))
    t.equal(read.length, MESSAGES.length)
    t.ok(Buffer.concat(read.map(({ type, payload }) => encodeClassic(type, payload))).equals(WIRE))
  })
}

t.test('every split of a header', async t => {
  const message = encodeClassic('RSFL', pattern(20))
  for (let at = 1; at < message.byteLength; at++) {
    const [read, ...others] = await collect(classicMessages()([message.subarray(0, at), message.subarray(at)]))
    t.same([read?.type, others.length], ['RSFL', 0])
    t.ok(Buffer.from(read?.payload ?? []).equals(pattern(20)))
  }
})

t.test('A8: an end inside a message is no end', async t => {
  const whole = Buffer.concat([encodeClassic('RSFL', pattern(20)), encodeClassic('RSFL', pattern(1))])
  for (let at = 1; at < whole.byteLength; at++) {
    const read = collect(classicMessages()([whole.subarray(0, at)]))
    if (at === 28) t.equal((await read).length, 1)
    else await t.rejects(read, { code: 'ERR_SFT_TRUNCATED' }, `after ${at} bytes`)
  }
})

t.test('M141, A11: a length is compared before memory is taken', async t => {
  for (const length of [MAX_CLASSIC_PAYLOAD + 1, 2 ** 31, 2 ** 32 - 1]) {
    const header = encodeClassic('SECE')
    new DataView(header.buffer, header.byteOffset).setUint32(4, length)
    const before = process.memoryUsage().arrayBuffers
    await t.rejects(collect(classicMessages()([header, pattern(100)])), { code: 'ERR_SFT_FRAME_TOO_LARGE' })
    t.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
  }
})

t.test('A12: a type that does not exist, and one that has no place', async t => {
  for (const type of ['XXXX', 'sece', 'HELO', 'RSF\0']) {
    const bytes = encodeClassic('RSFL', pattern(10))
    bytes.set(Buffer.from(type, 'latin1'))
    await t.rejects(collect(classicMessages()([bytes])), { code: 'ERR_SFT_FRAME_TYPE' }, type)
  }
  for (const allowed of CLASSIC_TYPES)
    for (const type of CLASSIC_TYPES) {
      const read = new ClassicReader([encodeClassic(type, pattern(3))]).read([allowed], 1000)
      if (type === allowed) t.equal((await read)?.type, type)
      else await t.rejects(read, { code: 'ERR_SFT_FRAME_TYPE' }, `${type} for ${allowed}`)
    }
})

t.test('M142, A28: who says nothing is not waited for', async t => {
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield encodeClassic('SECE').subarray(0, 5)
    await new Promise(() => {})
  }
  const keep = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(keep))
  await t.rejects(new ClassicReader(silent()).read(['SECE'], 20), { code: 'ERR_SFT_TIMEOUT' })
})

t.test('the end between two messages', async t => {
  t.equal(await new ClassicReader([]).read(['SECE'], 1000), undefined)
})
