import t from 'tap'
import { cutEach, flipEach, threeChunks } from '../fixtures/three-chunks.ts'
import { wholeStream } from '../fixtures/whole-stream.ts'

/** Every bit and every proper prefix of a three-chunk stream, and every bit of a header; `npm run test:long`. */

const HOUR = 3_600_000
t.setTimeout(HOUR)
const stream = await threeChunks()

t.test('every bit', { timeout: HOUR }, async t => {
  const { flips, accepted } = await flipEach(stream, () => [0, 1, 2, 3, 4, 5, 6, 7])
  t.comment(`${flips} bits of a stream of ${stream.bytes.byteLength} bytes flipped, ${accepted.length} accepted`)
  t.equal(flips, 8 * stream.bytes.byteLength)
  t.same(accepted, [])
})

t.test('every proper prefix', { timeout: HOUR }, async t => {
  const { cuts, accepted } = await cutEach(stream, stream.bytes.keys())
  t.comment(`${cuts} prefixes, ${accepted.length} accepted`)
  t.equal(cuts, stream.bytes.byteLength)
  t.same(accepted, [])
})

t.test('every bit of magic and header', { timeout: HOUR }, async t => {
  const whole = await wholeStream()
  const bytes = Uint8Array.from(whole.bytes)
  const accepted: string[] = []
  for (let bit = 0; bit < 8 * whole.headerBytes; bit++) {
    const offset = bit >> 3
    const byte = bytes[offset] as number
    bytes[offset] = byte ^ (1 << (bit & 7))
    const outcome = await whole.attempt([bytes])
    bytes[offset] = byte
    if (!outcome.startsWith('ERR_SFT_') || outcome === 'ERR_SFT_INTERNAL') accepted.push(`bit ${bit}: ${outcome}`)
  }
  t.comment(
    `${8 * whole.headerBytes} bits of a header of ${whole.headerBytes} bytes flipped, ${accepted.length} accepted`
  )
  t.same(accepted, [])
})
