import { readFileSync } from 'node:fs'
import t from 'tap'
import { encodePem } from '../../../src/auth/certificates/pem.ts'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { certificatesOf } from '../../../src/proof/dissect/certificates.ts'
import type { Connection } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const { chain } = await (await makeOrganisation()).issue('alice')
const [leaf, issuing] = chain as [Uint8Array, Uint8Array]
const pem = encodePem('CERTIFICATE', leaf)

/** The subjects that are seen in what the listener sends, and the packets they begin in. */
function seen(bytes: Uint8Array, size = 100): string[] {
  const pieces = [{ dialler: false, bytes }]
  const [connection] = parseCapture(writeCapture([{ port: 1, pieces }], size)).connections as [Connection]
  return certificatesOf(connection).map(({ direction, packet, subject }) => `${direction} ${packet} ${subject}`)
}

t.test('in PEM, as text or in JSON', t => {
  t.same(seen(Buffer.from(pem)), ['down 4 CN=alice'])
  t.same(seen(Buffer.from(JSON.stringify({ chain: [pem] }))), ['down 4 CN=alice'])
  t.same(seen(Buffer.from(pem.replaceAll('\n', '\r\n'))), ['down 4 CN=alice'])
  t.same(seen(Buffer.from(pem.replaceAll('\n', ''))), ['down 4 CN=alice'])
  t.same(seen(Buffer.concat([pattern(250), Buffer.from(`-----BEGIN CERTIFICATE-----${pem}${pem}`)])).length, 2)
  t.end()
})

t.test('in DER, anywhere', t => {
  const found = seen(Buffer.concat([pattern(250), leaf, issuing, leaf.subarray(0, -1)]))
  t.equal(found.length, 2)
  t.equal(found[0], 'down 6 CN=alice')
  t.end()
})

t.test('what only begins like one is none', t => {
  t.same(seen(readFileSync(import.meta.filename)), [])
  t.same(seen(Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')), [])
  t.same(seen(Buffer.from('-----END CERTIFICATE----------BEGIN CERTIFICATE-----')), [])
  t.same(seen(leaf.subarray(0, -1)), [])
  t.end()
})

t.test('M170: time is that of the bytes, whatever they look like', t => {
  const begin = Buffer.from('-----BEGIN CERTIFICATE-----')
  t.same(seen(Buffer.concat(Array(40_000).fill(begin)), 60_000), [])
  t.same(seen(Buffer.alloc(1_000_000, Buffer.from('30823082', 'hex')), 60_000), [])
  const many = Buffer.alloc(1_000_000, Buffer.from('3082001030820008a0', 'hex'))
  t.throws(() => seen(many, 60_000), { code: 'ERR_SFT_LIMIT' })
  t.end()
})
