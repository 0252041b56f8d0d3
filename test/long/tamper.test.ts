import t from 'tap'
import { seeded } from '../fixtures/seeded.ts'
import { cutEach, flipEach, isRefusal, threeChunks } from '../fixtures/three-chunks.ts'
import { wholeStream } from '../fixtures/whole-stream.ts'

/**
 * Every bit and every proper prefix of a three-chunk stream, and every bit of a header, with `SFT_TEST_LONG=1`; otherwise one in 256, so
 * that this file cannot rot. test/streams/tamper.test.ts has every byte.
 */

const HOUR = 3_600_000
t.setTimeout(HOUR)
const long = process.env.SFT_TEST_LONG === '1'
const random = seeded()
const isTried = (): boolean => long || random.int(256) === 0
t.comment(long ? 'all' : `a sample, SFT_SEED=${random.seed}`)
const stream = await threeChunks()

t.test('every bit', { timeout: HOUR }, async t => {
  const { flips, accepted } = await flipEach(stream, () => [0, 1, 2, 3, 4, 5, 6, 7].filter(isTried))
  t.comment(`${flips} bits of a stream of ${stream.bytes.byteLength} bytes flipped, ${accepted.length} accepted`)
  t.ok(long ? flips === 8 * stream.bytes.byteLength : flips > 500)
  t.same(accepted, [])
})

t.test('every proper prefix', { timeout: HOUR }, async t => {
  const { cuts, accepted } = await cutEach(stream, [...stream.bytes.keys()].filter(isTried))
  t.comment(`${cuts} prefixes, ${accepted.length} accepted`)
  t.ok(long ? cuts === stream.bytes.byteLength : cuts > 50)
  t.same(accepted, [])
})

t.test('every bit of magic and header', { timeout: HOUR }, async t => {
  const whole = await wholeStream()
  const bytes = Uint8Array.from(whole.bytes)
  const accepted: string[] = []
  const bits = [...Array(8 * whole.headerBytes).keys()].filter(isTried)
  for (const bit of bits) {
    const offset = bit >> 3
    const byte = bytes[offset] as number
    bytes[offset] = byte ^ (1 << (bit & 7))
    const outcome = await whole.attempt([bytes])
    bytes[offset] = byte
    if (!isRefusal(outcome)) accepted.push(`bit ${bit}: ${outcome}`)
  }
  t.comment(`${bits.length} bits of a header of ${whole.headerBytes} bytes flipped, ${accepted.length} accepted`)
  t.ok(bits.length > 20)
  t.same(accepted, [])
})
