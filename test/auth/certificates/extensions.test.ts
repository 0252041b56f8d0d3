import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import forge from 'node-forge'
import t from 'tap'
import { element, integer, oid, sequence, TAG } from '../../../src/auth/certificates/der.ts'
import { readExtensions } from '../../../src/auth/certificates/extensions.ts'
import { identityUri } from '../../../src/auth/certificates/names.ts'
import { leafExtensions } from '../../../src/auth/certificates/profile.ts'
import { edited, edits, fuzz } from '../../fixtures/fuzz.ts'
import { openssl } from '../../fixtures/openssl.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const alice = await organisation.issue('alice')
const leaf = Buffer.from(alice.chain[0] as Uint8Array)
const RSA = '1.2.840.113549.1.1.11'

/** The same by forge, whose reader knows nothing of certificates here. */
function forgeExtensions(der: Uint8Array): ReturnType<typeof readExtensions> {
  const parts = (node: unknown): forge.asn1.Asn1[] => (node as forge.asn1.Asn1).value as forge.asn1.Asn1[]
  const text = (node: unknown): string => (node as forge.asn1.Asn1).value as string
  const [tbs, algorithm] = parts(forge.asn1.fromDer(Buffer.from(der).toString('latin1'), true))
  const extensions = parts(parts(parts(tbs)[7])[0]).map(entry => {
    const fields = parts(entry)
    const value = Buffer.from(text(fields.at(-1)), 'latin1')
    return { id: forge.asn1.derToOid(text(fields[0])), critical: fields.length === 3, value }
  })
  return { signatureAlgorithm: forge.asn1.derToOid(text(parts(algorithm)[0])), extensions }
}

function isSame(der: Uint8Array): boolean {
  const plain = ({ signatureAlgorithm, extensions }: ReturnType<typeof readExtensions>): string =>
    JSON.stringify([signatureAlgorithm, extensions.map(each => ({ ...each, value: Buffer.from(each.value) }))])
  return plain(readExtensions(der)) === plain(forgeExtensions(der))
}

t.test('reads what was issued', async t => {
  const { signatureAlgorithm, extensions } = readExtensions(leaf)
  t.equal(signatureAlgorithm, RSA)
  const hex = (all: typeof extensions) => all.map(each => ({ ...each, value: Buffer.from(each.value).toString('hex') }))
  t.strictSame(hex(extensions).slice(0, -2), hex(leafExtensions(identityUri(organisation.org, 'alice'))))
  for (const der of [...alice.chain, organisation.root.raw]) t.ok(isSame(der))
})

t.test('reads certificates of OpenSSL as forge does', async t => {
  const extensions = [
    'basicConstraints=critical,CA:true,pathlen:1',
    'keyUsage=critical,keyCertSign,cRLSign',
    'subjectAltName=DNS:a.example.org,IP:192.0.2.1,URI:sft://a/b',
    'extendedKeyUsage=serverAuth,clientAuth',
    'certificatePolicies=1.2.3.4',
    'nameConstraints=critical,permitted;DNS:.example.org',
    'crlDistributionPoints=URI:http://example.org/crl',
    `1.2.3.4.5=ASN1:UTF8String:${'long '.repeat(100)}`,
    '2.25.1234567890123=critical,ASN1:NULL'
  ]
  const directory = t.testdir()
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${directory}/key`]
  const keys = [key, ['-newkey', 'ed25519', '-nodes', '-keyout', `${directory}/key`]]
  for (const newKey of keys) {
    const args = ['req', '-x509', ...newKey, '-subj', '/O=Ö/CN=c', '-out', `${directory}/crt`]
    const { status, text } = openssl([...args, ...extensions.flatMap(each => ['-addext', each])])
    t.equal(status, 0, text)
    const { raw } = new X509Certificate(readFileSync(`${directory}/crt`))
    t.ok(readExtensions(raw).extensions.length >= extensions.length)
    t.ok(isSame(raw))
  }
})

t.test('refuses another structure', async t => {
  const yes = element(TAG.boolean, Uint8Array.of(0xff))
  const value = element(TAG.octetString, Uint8Array.of(5, 0))
  const good = sequence(oid('1.2.3'), yes, value)
  const version = element(0xa0, integer(2))
  const fields = (count: number): Uint8Array[] => new Array<Uint8Array>(count).fill(sequence())
  const algorithm = sequence(oid(RSA), Uint8Array.of(5, 0))
  const certificate = (extensions: Uint8Array, head = [version, integer(1)], middle = fields(5)): Uint8Array =>
    sequence(sequence(...head, ...middle, extensions), algorithm, element(TAG.bitString, Uint8Array.of(0)))
  const tagged = (...entries: Uint8Array[]): Uint8Array => element(0xa3, sequence(...entries))
  t.strictSame(
    readExtensions(certificate(tagged(good, sequence(oid('1.2.4'), value)))).extensions.map(({ id, critical }) => [
      id,
      critical
    ]),
    [
      ['1.2.3', true],
      ['1.2.4', false]
    ]
  )
  const entries = {
    'critical, FALSE': sequence(oid('1.2.3'), element(TAG.boolean, Uint8Array.of(0)), value),
    'critical, another TRUE': sequence(oid('1.2.3'), element(TAG.boolean, Uint8Array.of(1)), value),
    'critical, two bytes': sequence(oid('1.2.3'), element(TAG.boolean, Uint8Array.of(0xff, 0xff)), value),
    'critical, an INTEGER': sequence(oid('1.2.3'), integer(1), value),
    'no value': sequence(oid('1.2.3')),
    'a fourth field': sequence(oid('1.2.3'), yes, value, value),
    'another order': sequence(oid('1.2.3'), value, yes),
    'no identifier': sequence(value, value),
    'no SEQUENCE': value,
    'a value of many parts': sequence(oid('1.2.3'), element(0x24, value))
  }
  const structures = {
    'version 1': certificate(tagged(good), [element(0xa0, integer(0)), integer(1)]),
    'version 4': certificate(tagged(good), [element(0xa0, integer(3)), integer(1)]),
    'no version': certificate(tagged(good), [integer(1)]),
    'no serial': certificate(tagged(good), [version]),
    'a field less': certificate(tagged(good), [version, integer(1)], fields(4)),
    'unique identifiers': certificate(tagged(good), [version, integer(1)], [...fields(5), element(0x81)]),
    'no extensions': certificate(sequence(), [version, integer(1)]),
    'two sequences of extensions': certificate(element(0xa3, sequence(good), sequence(good))),
    'a trailing byte': Buffer.concat([certificate(tagged(good)), Buffer.alloc(1)]),
    nothing: Buffer.alloc(0),
    ...Object.fromEntries(Object.entries(entries).map(([title, entry]) => [title, certificate(tagged(entry))]))
  }
  for (const [title, der] of Object.entries(structures)) t.throws(() => readExtensions(der), Error, title)
})

t.test('of whatever OpenSSL takes, it reads what forge reads, or nothing', { timeout: 60_000 }, async t => {
  let read = 0
  await fuzz(t, 1, fc.tuple(fc.constantFrom(leaf, organisation.root.raw), edits), async ([der, changes]) => {
    const changed = edited(der, changes)
    if (!isCertificate(changed) || attempt(() => readExtensions(changed)) === undefined) return true
    read++
    return isSame(changed)
  })
  t.ok(read > 0, `${read} were read`)
})

/** What the path check hands on: DER that OpenSSL reads whole. */
function isCertificate(der: Uint8Array): boolean {
  return attempt(() => new X509Certificate(der).raw.equals(der)) === true
}

function attempt<T>(step: () => T): T | undefined {
  try {
    return step()
  } catch {
    return undefined
  }
}
