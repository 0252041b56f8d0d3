import fc from 'fast-check'
import t from 'tap'
import type { SftError } from '../../src/streams/errors.ts'
import { decodeVarint, encodeVarint, MAX_VARINT } from '../../src/streams/varint.ts'

t.test('every value comes back, in its minimal size', t => {
  const sizes: [number, number][] = [
    [0, 1],
    [127, 1],
    [128, 2],
    [2 ** 14 - 1, 2],
    [2 ** 14, 3],
    [2 ** 21 - 1, 3],
    [2 ** 21, 4],
    [MAX_VARINT, 4]
  ]
  for (const [value, size] of sizes) {
    t.equal(encodeVarint(value).byteLength, size)
    t.same(decodeVarint(encodeVarint(value)), { value, size })
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_VARINT }), value => decodeVarint(encodeVarint(value))?.value === value)
  )
  t.end()
})

t.test('whatever decodes is the one encoding of its value', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), bytes => {
      const decoded = attempt(bytes)
      if (decoded === undefined) return true
      return Buffer.compare(encodeVarint(decoded.value), bytes.subarray(0, decoded.size)) === 0
    })
  )
  t.end()
})

t.test('a length that is not minimal, or too long, is refused; one that is cut off is incomplete', t => {
  for (const bytes of [
    [0x80, 0x00],
    [0xff, 0x80, 0x00],
    [0x80, 0x80, 0x80, 0x80],
    [0xff, 0xff, 0xff, 0xff, 0x01]
  ]) {
    t.throws(() => decodeVarint(Uint8Array.from(bytes)), { code: 'ERR_SFT_FRAME_LENGTH' })
  }
  for (const bytes of [[], [0x80], [0xff, 0xff], [0xff, 0xff, 0xff]]) {
    t.equal(decodeVarint(Uint8Array.from(bytes)), undefined)
  }
  t.same(decodeVarint(Uint8Array.of(9, 9, 0x81, 0x01, 9), 2), { value: 129, size: 2 })
  t.end()
})

function attempt(bytes: Uint8Array): { value: number; size: number } | undefined {
  try {
    return decodeVarint(bytes)
  } catch (error) {
    if ((error as SftError).code !== 'ERR_SFT_FRAME_LENGTH') throw error
    return undefined
  }
}
