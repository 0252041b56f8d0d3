import fc from 'fast-check'
import t from 'tap'
import { encodeClear, METADATA, parseHeader, type StreamHeader } from '../../src/streams/header.ts'
import { decodeTlv, encodeTlv } from '../../src/streams/tlv.ts'
import { SUITES, type Suite } from '../../src/workers/construction.ts'
import { C, pattern, print } from '../fixtures/bytes.ts'

const example: StreamHeader = {
  suite: 'aes-256-gcm',
  chunkSize: C,
  variable: false,
  streamId: pattern(32),
  firstChunk: 0,
  stanzas: [{ hint: pattern(4, 1), ciphertext: pattern(256, 2) }]
}

const whole = (header: StreamHeader, tail: Uint8Array = pattern(50, 4)): Buffer =>
  Buffer.concat([encodeClear(header), pattern(32, 3), tail])

t.test('the layout of SPEC §7.1', t => {
  const bytes = Buffer.from(encodeClear({ ...example, variable: true, firstChunk: 0x0102, suite: 'chacha20-poly1305' }))
  t.equal(bytes.subarray(0, 4).toString('hex'), '01020e01')
  t.equal(print(bytes.subarray(4, 36)), print(pattern(32)))
  t.equal(bytes.subarray(36, 45).toString('hex'), '000000000000010201')
  t.equal(bytes.subarray(45, 52).toString('hex'), `01${print(pattern(4, 1))}0100`)
  t.equal(bytes.byteLength, 45 + 7 + 256)
  t.end()
})

t.test('parse gives back what was encoded, and its rest', t => {
  const suites = fc.constantFrom<Suite>(...SUITES)
  const stanzas = fc.array(
    fc.record({ hint: fc.uint8Array({ minLength: 4, maxLength: 4 }), ciphertext: fc.uint8Array({ maxLength: 512 }) }),
    { maxLength: 64 }
  )
  fc.assert(
    fc.property(
      suites,
      fc.integer({ min: 14, max: 20 }),
      fc.boolean(),
      fc.nat({ max: 2 ** 31 - 1 }).map(n => n * 8),
      stanzas,
      fc.uint8Array(),
      (...v) => {
        const [suite, size, variable, firstChunk, some, tail] = v
        // of the strict suite a chunk is small, and a stream for one
        const [power, list] = suite === 'rsa-oaep' ? [Math.min(size, 16), some.slice(0, 1)] : [size, some]
        const header = { suite, chunkSize: 2 ** power, variable, streamId: pattern(32), firstChunk, stanzas: list }
        const body = whole(header, tail)
        const parsed = parseHeader(body)
        const bound = encodeClear(header).byteLength + 32
        return (
          Buffer.from(encodeClear(parsed)).equals(parsed.clear) &&
          Buffer.from(parsed.bound).equals(body.subarray(0, bound)) &&
          Buffer.from(parsed.tail).equals(Buffer.from(tail)) &&
          Buffer.from(parsed.commitment).equals(pattern(32, 3)) &&
          parsed.suite === suite &&
          parsed.chunkSize === 2 ** power &&
          parsed.variable === variable &&
          parsed.firstChunk === firstChunk
        )
      }
    ),
    { numRuns: 50 }
  )
  t.end()
})

t.test('the first chunk is at most what the largest stream of the smallest chunks holds', t => {
  const firstChunk = 2 ** 34
  t.equal(parseHeader(whole({ ...example, firstChunk }, new Uint8Array(0))).firstChunk, firstChunk)
  const beyond = whole({ ...example, firstChunk: firstChunk + 1 }, new Uint8Array(0))
  t.throws(() => parseHeader(beyond), { code: 'ERR_SFT_HEADER' })
  t.end()
})

t.test('a header that ends early is refused, at every byte', t => {
  const body = whole(example, new Uint8Array(0))
  for (let size = 0; size < body.byteLength; size++) {
    t.throws(() => parseHeader(body.subarray(0, size)), { code: 'ERR_SFT_HEADER' }, `${size} bytes`)
  }
  t.doesNotThrow(() => parseHeader(body))
  t.end()
})

t.test('what this version does not know is refused (M25)', t => {
  const changed = (offset: number, value: number): Buffer => {
    const body = whole(example)
    body[offset] = value
    return body
  }
  for (const version of [0, 2, 255]) t.throws(() => parseHeader(changed(0, version)), { code: 'ERR_SFT_VERSION' })
  for (const [offset, values] of [
    [1, [0, 4, 255]],
    [2, [0, 13, 21, 255]],
    [3, [2, 3, 128, 255]],
    [36, [0x20, 0xff]],
    [44, [65, 255]],
    [45, [0, 2, 255]]
  ] as const) {
    for (const value of values) {
      t.throws(() => parseHeader(changed(offset, value)), { code: 'ERR_SFT_HEADER' }, `byte ${offset} = ${value}`)
    }
  }
  t.end()
})

t.test('M161, M164: the strict suite has chunks of 64 KiB at most, and one stanza', t => {
  const strict = { ...example, suite: 'rsa-oaep' } as const
  t.equal(parseHeader(whole({ ...strict, chunkSize: 2 ** 16 })).chunkSize, 2 ** 16)
  t.throws(() => parseHeader(whole({ ...strict, chunkSize: 2 ** 17 })), { code: 'ERR_SFT_HEADER', message: /size/ })
  const stanzas = [...example.stanzas, ...example.stanzas]
  t.throws(() => parseHeader(whole({ ...strict, stanzas })), { code: 'ERR_SFT_HEADER', message: /for several/ })
  t.equal(parseHeader(whole({ ...example, stanzas, chunkSize: 2 ** 17 })).stanzas.length, 2, 'the others have more')
  t.end()
})

t.test('64 stanzas are the most', t => {
  const of = (count: number) =>
    whole({ ...example, stanzas: Array.from({ length: count }, () => ({ hint: pattern(4), ciphertext: pattern(9) })) })
  t.equal(parseHeader(of(64)).stanzas.length, 64)
  t.throws(() => parseHeader(of(65)), { code: 'ERR_SFT_HEADER' })
  t.end()
})

t.test('metadata: created is required, a name has at most 255 bytes', t => {
  const full = { name: 'naïve.txt', size: 2 ** 40, mtime: 1, mode: 0o644, created: 2 ** 41 }
  t.same(decodeTlv(METADATA, encodeTlv(METADATA, full)), full)
  t.same(decodeTlv(METADATA, encodeTlv(METADATA, { created: 0 })), { created: 0 })
  t.throws(() => encodeTlv(METADATA, { created: 1, name: 'é'.repeat(128) }), { code: 'ERR_SFT_ENCODING' })
  t.throws(() => decodeTlv(METADATA, new Uint8Array(0)), { code: 'ERR_SFT_ENCODING' })
  t.end()
})
