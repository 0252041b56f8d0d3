import fc from 'fast-check'
import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { encodeClear, METADATA, parseHeader } from '../../src/streams/header.ts'
import { decodeTlv, encodeTlv } from '../../src/streams/tlv.ts'
import { pattern } from '../fixtures/bytes.ts'
import { type Edit, edited, edits, fuzz } from '../fixtures/fuzz.ts'

/** A parser accepts the one encoding of what it returns, or refuses with a code. */

const header = Buffer.concat([
  encodeClear({
    suite: 'chacha20-poly1305',
    chunkSize: 2 ** 16,
    variable: true,
    streamId: pattern(32),
    firstChunk: 12,
    stanzas: [1, 2, 3].map(i => ({ hint: pattern(4, i), ciphertext: pattern(64, i) }))
  }),
  pattern(32, 1),
  pattern(40, 2)
])
const metadata = encodeTlv(METADATA, { name: 'name', size: 300, mtime: 5, mode: 0o600, created: 2 ** 41 })

/** True for a coded refusal, and for a result that `encode` turns into the same bytes. */
async function canonical<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T, encode: (value: T) => Uint8Array) {
  let value: T
  try {
    value = decode(bytes)
  } catch (error) {
    if (!SftError.is(error) || error.code === 'ERR_SFT_INTERNAL') throw error
    return true
  }
  return Buffer.compare(encode(value), bytes) === 0
}

const checkHeader = (bytes: Uint8Array) =>
  canonical(bytes, parseHeader, parsed => Buffer.concat([encodeClear(parsed), parsed.commitment, parsed.tail]))

/** Unknown fields that may be skipped do not come back, so only bodies without one are compared. */
const checkMetadata = (bytes: Uint8Array) =>
  hasOptionalField(bytes)
    ? canonical(
        bytes,
        body => decodeTlv(METADATA, body),
        () => bytes
      )
    : canonical(
        bytes,
        body => decodeTlv(METADATA, body),
        fields => encodeTlv(METADATA, fields)
      )

function hasOptionalField(bytes: Uint8Array): boolean {
  return bytes.some(byte => byte >= 0x80)
}

const long = { timeout: 600_000 }
const any = fc.uint8Array({ maxLength: 200 })
const change = (bytes: Uint8Array) => (changes: Edit[]) => edited(bytes, changes)

t.test('an edited header', long, t => fuzz(t, 4, edits, changes => checkHeader(change(header)(changes))))
t.test('any bytes as a header', long, t =>
  fuzz(t, 4, any, bytes => checkHeader(Buffer.concat([Buffer.of(1, 1, 14, 0), bytes])))
)
t.test('edited metadata', long, t => fuzz(t, 4, edits, changes => checkMetadata(change(metadata)(changes))))
t.test('any bytes as metadata', long, t => fuzz(t, 4, any, checkMetadata))
