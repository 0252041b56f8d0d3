import fc from 'fast-check'
import t from 'tap'
import {
  CHUNK_OVERHEAD,
  GROUP_CHUNKS,
  groupOf,
  isChunkSize,
  nonceFor,
  plainSize,
  SUITE_IDS,
  SUITES,
  sealedSize,
  u64
} from '../../src/workers/construction.ts'
import { C, hex } from '../fixtures/bytes.ts'

t.test('the numbers of SPEC §1 and §7.4', t => {
  t.same(
    SUITES.map(suite => SUITE_IDS[suite]),
    [1, 2, 3]
  )
  t.equal(CHUNK_OVERHEAD, 8 + 16)
  t.equal(GROUP_CHUNKS, 65_536)
  t.end()
})

t.test('a chunk size is a power of two from 16 KiB to 1 MiB', t => {
  for (let power = 14; power <= 20; power++) t.ok(isChunkSize(2 ** power), `2^${power}`)
  for (const size of [0, 1, 2 ** 13, 2 ** 14 - 1, 2 ** 14 + 1, 3 * 2 ** 14, 2 ** 21, -(2 ** 14), Number.NaN]) {
    t.notOk(isChunkSize(size), String(size))
  }
  t.end()
})

t.test('a group is 2^16 chunks', t => {
  t.same([0, 65_535, 65_536, 131_071, 131_072, 2 ** 34].map(groupOf), [0, 0, 1, 1, 2, 2 ** 18])
  t.end()
})

t.test('u64 is big-endian and exact up to 2^53', t => {
  t.same(u64(0), new Uint8Array(8))
  t.same(u64(0x01020304), hex('0000000001020304'))
  t.same(u64(2 ** 53 - 1), hex('001fffffffffffff'))
  t.end()
})

t.test('a nonce is the iv with the index XORed into its last 8 bytes', t => {
  const iv = hex('0102030405060708090a0b0c')
  const before = Uint8Array.from(iv)
  t.same(nonceFor(iv, 0), iv)
  t.same(nonceFor(iv, 1), hex('0102030405060708090a0b0d'))
  t.same(nonceFor(iv, 0x0c), hex('0102030405060708090a0b00'))
  t.same(nonceFor(iv, 2 ** 53 - 1), hex('010203040519f8f7f6f5f4f3'))
  t.same(iv, before, 'the iv stays')
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      return (a === b) === (Buffer.compare(nonceFor(iv, a), nonceFor(iv, b)) === 0)
    })
  )
  t.end()
})

t.test('sealedSize counts every chunk, plainSize is its inverse', t => {
  t.equal(sealedSize(0, C), 0)
  t.equal(sealedSize(1, C), 1 + 24)
  t.equal(sealedSize(C, C), C + 24)
  t.equal(sealedSize(C + 1, C), C + 1 + 48)
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), plain => plainSize(sealedSize(plain, C), C) === plain))
  t.end()
})

t.test('plainSize refuses what no plaintext becomes', t => {
  for (const sealed of [1, 23, 24, C + 24 + 1, 2 * (C + 24) + 24]) t.equal(plainSize(sealed, C), undefined, `${sealed}`)
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), sealed => {
      const plain = plainSize(sealed, C)
      return plain === undefined || sealedSize(plain, C) === sealed
    })
  )
  t.end()
})
