import { hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { expand, extract } from '../../src/workers/hkdf.ts'
import { hex, pattern } from '../fixtures/bytes.ts'

const range = (from: number, to: number): Uint8Array => Uint8Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** RFC 5869, appendix A. */
const CASES = [
  {
    name: 'A.1 basic',
    secret: hex('0b'.repeat(22)),
    salt: range(0, 0x0c),
    info: range(0xf0, 0xf9),
    prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865'
  },
  {
    name: 'A.2 longer inputs and output',
    secret: range(0, 0x4f),
    salt: range(0x60, 0xaf),
    info: range(0xb0, 0xff),
    prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
    okm: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87'
  },
  {
    name: 'A.3 no salt, no info',
    secret: hex('0b'.repeat(22)),
    salt: new Uint8Array(0),
    info: new Uint8Array(0),
    prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'
  }
] as const

for (const { name, secret, salt, info, prk, okm } of CASES) {
  t.test(name, t => {
    t.same(extract(salt, secret), hex(prk))
    t.same(expand(hex(prk), info, okm.length / 2), hex(okm))
    t.end()
  })
}

t.test('agrees with node:crypto', t => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), fc.integer({ min: 1, max: 300 }), (...args) => {
      const [secret, salt, info, length] = args
      const expected = Buffer.from(hkdfSync('sha256', secret, salt, info, length))
      return expected.equals(expand(extract(salt, secret), info, length))
    })
  )
  t.same(expand(pattern(32), pattern(3), 255 * 32).byteLength, 255 * 32)
  t.end()
})
