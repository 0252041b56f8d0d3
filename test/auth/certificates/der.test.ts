import fc from 'fast-check'
import forge from 'node-forge'
import t from 'tap'
import {
  element,
  integer,
  oid,
  readElement,
  readElements,
  readOid,
  sequence,
  TAG
} from '../../../src/auth/certificates/der.ts'
import { edited, edits, fuzz } from '../../fixtures/fuzz.ts'

const bytes = fc.uint8Array({ maxLength: 400 })
/** Class and constructed bit of any kind, a number that fits one byte. */
const tag = fc.nat({ max: 255 }).filter(value => (value & 0x1f) !== 0x1f)
const arcs = fc.tuple(
  fc.oneof(fc.tuple(fc.nat({ max: 1 }), fc.nat({ max: 39 })), fc.tuple(fc.constant(2), fc.nat())),
  fc.array(fc.nat())
)

t.test('reads what it writes', async t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(tag, bytes)), entries => {
      const read = readElements(Buffer.concat(entries.map(([tag, contents]) => element(tag, contents))))
      t.strictSame(
        read.map(({ tag, contents }) => [tag, Uint8Array.from(contents)]),
        entries
      )
    })
  )
  for (const size of [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff])
    t.equal(readElement(element(TAG.octetString, Buffer.alloc(size)), TAG.octetString).byteLength, size)
  fc.assert(
    fc.property(arcs, ([head, rest]) => {
      const dotted = [...head, ...rest].join('.')
      t.equal(readOid(readElement(oid(dotted), TAG.oid)), dotted)
    })
  )
})

t.test('an object identifier with arcs of any size', async t => {
  const uuid = Buffer.from('6983a69ccac4a384d49ad08dc0d4a9aeca86a8f801', 'hex')
  t.match(readOid(uuid), /^2\.25\.\d{30,}$/)
  t.equal(readOid(Buffer.from('550403', 'hex')), '2.5.4.3')
  t.equal(readOid(Uint8Array.of(39)), '0.39')
  t.equal(readOid(Uint8Array.of(79)), '1.39')
  t.equal(readOid(Uint8Array.of(80)), '2.0')
  for (const hex of ['', '80', '8001', '5580', '558003', '55ff']) t.throws(() => readOid(Buffer.from(hex, 'hex')), hex)
})

t.test('refuses what is not DER', async t => {
  const bad = {
    'an end before the length': '30',
    'an indefinite length': '30800000',
    'a long form below 128': '04817f',
    'a long form of one byte': '048101ff',
    'two bytes where one is enough': `048200ff${'00'.repeat(255)}`,
    'a length of three bytes': `0483000100${'00'.repeat(256)}`,
    'a length of four bytes': '048400000001ff',
    'the reserved length': '04ff',
    'a length that ends early': '0482ff',
    'contents that end early': '0402ff',
    'a tag of two bytes': '1f0100',
    'an end inside the second element': '05000401'
  }
  for (const [title, hex] of Object.entries(bad)) t.throws(() => readElements(Buffer.from(hex, 'hex')), Error, title)
  t.throws(() => readElement(Buffer.from('05000500', 'hex'), 5), 'two elements')
  t.throws(() => readElement(Buffer.alloc(0), 5), 'none')
  t.throws(() => readElement(Buffer.from('0500', 'hex'), 4), 'another tag')
  t.strictSame(readElements(Buffer.alloc(0)), [])
})

t.test('what is read has this one encoding, and forge reads the same', { timeout: 60_000 }, async t => {
  const sample = sequence(integer(2), sequence(oid('2.5.29.15'), element(TAG.boolean, Uint8Array.of(255))))
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.uint8Array({ maxLength: 300 }), edits)
      .map(([contents, changes]) => edited(element(4, contents), changes)),
    edits.map(changes => edited(sample, changes))
  )
  await fuzz(t, 1, input, async bytes => {
    const read = attempt(() => readElements(bytes))
    if (read === undefined) return true
    const again = Buffer.concat(read.map(({ tag, contents }) => element(tag, contents)))
    // forge takes the contents of some further: of a structure, of a BIT STRING, of whatever has the number of a BMPString
    const [only, ...others] = read
    const isFlat = only !== undefined && others.length === 0 && (only.tag & 0x20) === 0
    const isPlain = isFlat && only.tag !== TAG.bitString && (only.tag & 0x1f) !== 0x1e
    return again.equals(bytes) && (!isPlain || Buffer.compare(only.contents, forgeContents(bytes)) === 0)
  })
})

function forgeContents(bytes: Uint8Array): Buffer {
  const { value } = forge.asn1.fromDer(Buffer.from(bytes).toString('latin1'), true)
  return Buffer.from(value as string, 'latin1')
}

function attempt<T>(step: () => T): T | undefined {
  try {
    return step()
  } catch {
    return undefined
  }
}
