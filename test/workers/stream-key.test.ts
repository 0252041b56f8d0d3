import { createHash, hkdfSync } from 'node:crypto'
import t from 'tap'
import type { AeadKey } from '../../src/workers/aead.ts'
import { aeadOf, SUITES } from '../../src/workers/construction.ts'
import { deriveStreamKey, splitKey } from '../../src/workers/stream-key.ts'
import { pattern, streamKey } from '../fixtures/bytes.ts'

const id = pattern(32, 1)
const secret = pattern(32, 2)
const clear = pattern(45, 3)

/** SPEC §7.1 written down a second time, over the platform's own HKDF. */
function expected(label: string, length: number, context: Uint8Array = Buffer.alloc(0)): Buffer {
  const h0 = createHash('sha256').update(clear).digest()
  return Buffer.from(hkdfSync('sha256', secret, id, Buffer.concat([Buffer.from(label), h0, context]), length))
}

const u32 = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])

for (const suite of SUITES) {
  t.test(`${suite}: labels, lengths and groups of SPEC §7`, t => {
    const aead = aeadOf(suite)
    const key = deriveStreamKey(suite, id, secret, clear)
    const raw = ({ key, iv }: AeadKey): Buffer => Buffer.concat([key.export(), iv])
    t.same(Buffer.from(key.commitment), expected('sft/1 commit', 32))
    t.same(raw(key.header), expected('sft/1 hdr', 44))
    t.same(raw(key.final), expected('sft/1 fin', 44))
    for (const [index, group] of [
      [0, 0],
      [65_535, 0],
      [65_536, 1],
      [131_071, 1],
      [131_072, 2],
      [3, 0]
    ] as const) {
      t.same(raw(key.chunk(index)), expected('sft/1 chunk', 44, u32(group)), `chunk ${index}`)
    }
    t.same([key.suite, key.header.suite, key.final.suite, key.chunk(0).suite], [suite, aead, aead, aead])
    t.end()
  })
}

t.test('all keys of two streams differ', t => {
  const keys = [streamKey('aes-256-gcm', 1), streamKey('aes-256-gcm', 2)].flatMap(key =>
    [key.header, key.final, key.chunk(0), key.chunk(65_536)].map(each => each.key.export().toString('hex'))
  )
  t.equal(new Set(keys).size, 8)
  t.end()
})

t.test('a group key is derived once and held', t => {
  const key = streamKey()
  t.equal(key.chunk(0), key.chunk(65_535))
  t.not(key.chunk(0), key.chunk(65_536))
  t.end()
})

t.test('splitKey takes 32 + 12 bytes and zeroes what it was given', t => {
  const bytes = pattern(44)
  const { key, iv } = splitKey('aes-256-gcm', bytes)
  t.same(Uint8Array.from(key.export()), pattern(44).subarray(0, 32))
  t.same(iv, pattern(44).slice(32))
  t.same(bytes, new Uint8Array(44))
  t.end()
})
