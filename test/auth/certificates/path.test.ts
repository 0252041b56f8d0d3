import { randomBytes, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { createRequest, issue } from '../../../src/auth/certificates/certificate.ts'
import { spkiHash, storePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { decodeChain, encodeChain, verifyPath } from '../../../src/auth/certificates/path.ts'
import { decodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { alternativeNames, dnsName, issuingExtensions, rootExtensions } from '../../../src/auth/certificates/profile.ts'
import { openssl } from '../../fixtures/openssl.ts'
import { FAULT_NAMES, FAULTS, makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const organisation = await makeOrganisation()
const { root, org } = organisation
const alice = await organisation.issue('alice')
const [leaf, issuer] = alice.chain as [Uint8Array, Uint8Array]
const MINUTE = 60_000
const fields = { notBefore: new Date(Date.now() - MINUTE), notAfter: new Date(Date.now() + MINUTE) }

t.test('says who a peer is', async t => {
  const peer = verifyPath(alice.chain, { root, org, name: 'alice' })
  t.equal(peer.org, org)
  t.equal(peer.name, 'alice')
  t.ok(peer.publicKey.equals(alice.publicKey))
  t.strictSame(peer.spkiHash, spkiHash(alice.publicKey))
  t.strictSame(peer.leaf, leaf)
  t.equal(peer.notAfter.getTime(), new X509Certificate(leaf).validToDate.getTime())
  t.equal(verifyPath(alice.chain, { root, org }).name, 'alice', 'no name was asked for')
})

t.test('M8: takes one or two certificates of at most 3,072 bytes, exactly their DER', async t => {
  const bad: Record<string, Uint8Array[]> = {
    'no certificate': [],
    'three certificates': [leaf, issuer, root.raw],
    'an empty certificate': [new Uint8Array(), issuer],
    'a certificate that is too long': [new Uint8Array(3073), issuer],
    'a trailing byte': [Buffer.concat([leaf, Buffer.alloc(1)]), issuer],
    PEM: [Buffer.from(new X509Certificate(leaf).toString()), issuer],
    'a certificate that ends early': [leaf.subarray(0, -1), issuer],
    garbage: [randomBytes(900), issuer]
  }
  for (const [title, chain] of Object.entries(bad))
    t.throws(() => verifyPath(chain, { root, org }), { code: 'ERR_SFT_CERT_INVALID' }, title)
})

t.test('M9: refuses a chain whose links do not verify', async t => {
  const other = await makeOrganisation({ org })
  const untrusted = { code: 'ERR_SFT_CERT_UNTRUSTED' }
  t.throws(() => verifyPath([leaf], { root, org }), untrusted, 'the issuing CA is missing')
  t.throws(() => verifyPath([issuer, leaf], { root, org }), untrusted, 'swapped')
  t.throws(() => verifyPath([leaf, leaf], { root, org }), untrusted, 'twice the leaf')
  t.throws(() => verifyPath(alice.chain, { root: other.root, org }), untrusted, 'another root of the same name')
  t.throws(() => verifyPath([leaf, other.issuing.certificate.raw], { root, org }), untrusted, 'another issuing CA')
})

t.test('M9: no changed byte of a certificate is accepted', async t => {
  for (const [index, der] of alice.chain.entries()) {
    for (let at = 0; at < der.length; at += 5) {
      const changed = alice.chain.map(each => Uint8Array.from(each))
      const certificate = changed[index] as Uint8Array
      certificate[at] = (certificate[at] as number) ^ (1 << (at % 8))
      t.throws(
        () => verifyPath(changed, { root, org }),
        { code: /^ERR_SFT_CERT_(INVALID|UNTRUSTED|USAGE)$/ },
        `${index}:${at}`
      )
    }
  }
})

for (const fault of FAULT_NAMES) {
  t.test(`A19: refuses ${fault}`, async t => {
    const { chain } = await organisation.issueFaulty('bob', fault)
    t.throws(() => verifyPath(chain, { root, org, name: 'bob' }), { code: FAULTS[fault].code })
  })
}

t.test('A19, M10: the root and the issuing CA are no peers', async t => {
  const usage = { code: 'ERR_SFT_CERT_USAGE' }
  t.throws(() => verifyPath([root.raw], { root, org }), usage, 'the root')
  t.throws(() => verifyPath([issuer], { root, org }), usage, 'the issuing CA')
  t.throws(() => verifyPath([issuer, root.raw], { root, org }), usage, 'the issuing CA below the root')
})

t.test('M10: an issuing CA of another form is refused', async t => {
  const key = await testKey()
  const certify = (extensions: ReturnType<typeof issuingExtensions>): Promise<{ chain: readonly Uint8Array[] }> => {
    const subject = { commonName: 'ca' }
    const certificate = issue({ subject, publicKey: key.publicKey, ...fields, extensions }, organisation.rootIssuer)
    return organisation.issue('bob', { issuer: { certificate, ...key }, chain: [certificate] })
  }
  const correct = await certify(issuingExtensions())
  t.equal(verifyPath(correct.chain, { root, org }).name, 'bob')
  const wrong = {
    'path length 1': rootExtensions(),
    'no keyUsage': issuingExtensions().slice(0, 1),
    'no constraints': [],
    'a SAN': [...issuingExtensions(), alternativeNames([dnsName('ca')])]
  }
  for (const [title, extensions] of Object.entries(wrong)) {
    const { chain } = await certify(extensions)
    t.throws(() => verifyPath(chain, { root, org }), { code: 'ERR_SFT_CERT_USAGE' }, title)
  }
})

t.test('M10: an unknown extension that is not critical may stand beside the others', async t => {
  const { chain } = await organisation.issue('bob', {
    extensions: correct => [...correct, { id: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) }]
  })
  t.equal(verifyPath(chain, { root, org }).name, 'bob')
})

t.test('M10: a certificate names its issuer', async t => {
  const subject = { commonName: 'another name' }
  const { publicKey } = organisation.issuing.certificate
  const renamed = issue({ subject, publicKey, ...fields, extensions: issuingExtensions() }, organisation.rootIssuer)
  t.throws(() => verifyPath([leaf, renamed.raw], { root, org }), { code: 'ERR_SFT_CERT_USAGE' }, 'with the right key')
})

t.test('M10: a leaf that OpenSSL issued is as good, with SHA-256 and no other hash', async t => {
  const directory = t.testdir({
    'ca.crt': organisation.issuing.certificate.toString(),
    'ca.key': storePrivateKey(organisation.issuing.privateKey, undefined),
    request: createRequest('alice', alice, 'x'),
    extensions: [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature,keyEncipherment',
      'extendedKeyUsage=critical,2.25.1936094257.1',
      'subjectAltName=URI:sft://example.org/u/alice'
    ].join('\n')
  })
  const sign = (hash: string): readonly Uint8Array[] => {
    const ca = ['-CA', `${directory}/ca.crt`, '-CAkey', `${directory}/ca.key`, '-CAcreateserial', '-days', '1']
    const input = ['-in', `${directory}/request`, '-extfile', `${directory}/extensions`, '-out', `${directory}/leaf`]
    const { status, text } = openssl(['x509', '-req', hash, ...ca, ...input])
    t.equal(status, 0, text)
    return [...decodeCertificates(readFileSync(`${directory}/leaf`, 'utf8')), issuer]
  }
  t.equal(verifyPath(sign('-sha256'), { root, org }).name, 'alice')
  for (const hash of ['-sha384', '-sha1'])
    t.throws(() => verifyPath(sign(hash), { root, org }), { code: 'ERR_SFT_CERT_USAGE' }, hash)
})

t.test('M11: five minutes of clock skew, and not a second more', async t => {
  const { validFromDate, validToDate } = new X509Certificate(leaf)
  const expired = { code: 'ERR_SFT_CERT_EXPIRED' }
  const at = (date: Date, offset: number): Date => new Date(date.getTime() + offset)
  const check = (now: Date): unknown => verifyPath(alice.chain, { root, org, now })
  t.match(check(at(validToDate, 5 * MINUTE)), { name: 'alice' })
  t.throws(() => check(at(validToDate, 5 * MINUTE + 1000)), expired)
  t.match(check(at(validFromDate, -5 * MINUTE)), { name: 'alice' })
  t.throws(() => check(at(validFromDate, -5 * MINUTE - 1000)), expired)
})

t.test('A20, M11: a CA that is expired ends its leaves', async t => {
  const key = await testKey()
  const old = { notBefore: new Date(0), notAfter: new Date(Date.now() - 6 * MINUTE) }
  const ca = { subject: { commonName: 'ca' }, publicKey: key.publicKey, ...old, extensions: issuingExtensions() }
  const certificate = issue(ca, organisation.rootIssuer)
  const { chain } = await organisation.issue('bob', { issuer: { certificate, ...key }, chain: [certificate] })
  t.throws(() => verifyPath(chain, { root, org }), { code: 'ERR_SFT_CERT_EXPIRED' })
})

t.test('M12: another organisation or name is refused', async t => {
  t.throws(() => verifyPath(alice.chain, { root, org: 'example.com' }), { code: 'ERR_SFT_CERT_NAME' })
  t.throws(() => verifyPath(alice.chain, { root, org, name: 'bob' }), { code: 'ERR_SFT_CERT_NAME' })
})

t.test('a leaf right below the root is a path too', async t => {
  const { chain } = await organisation.issue('bob', { issuer: organisation.rootIssuer, chain: [] })
  t.equal(chain.length, 1)
  t.equal(verifyPath(chain, { root, org }).name, 'bob')
})

t.test('the chain of a peer is borrowed', async t => {
  const before = alice.chain.map(der => Buffer.from(der))
  const peer = verifyPath(alice.chain, { root, org })
  peer.leaf.fill(0)
  t.strictSame(
    alice.chain.map(der => Buffer.from(der)),
    before
  )
})

t.test('garbage ends in a code, whatever it is', async t => {
  for (let round = 0; round < 300; round++) {
    const garbage = randomBytes(1 + ((round * 7) % 200))
    // one byte of chance may be the right one
    garbage[0] = (leaf[round * 2] ?? 0) ^ (1 + (round % 255))
    const spliced = Buffer.concat([leaf.subarray(0, round * 2), garbage, leaf.subarray(round * 2 + garbage.length)])
    t.throws(() => verifyPath([spliced, issuer], { root, org }), { code: /^ERR_SFT_CERT_/ })
    t.throws(() => verifyPath(decodeChain(garbage), { root, org }), { code: /^ERR_SFT_CERT_/ })
  }
})

t.test('a chain reads back as it was written', async t => {
  for (const chain of [[leaf], [leaf, issuer], [new Uint8Array(3072).fill(1)]])
    t.strictSame(
      decodeChain(encodeChain(chain)),
      chain.map(der => Uint8Array.from(der))
    )
  t.equal(encodeChain(alice.chain).length, 4 + leaf.length + issuer.length)
})

t.test('the wire form of a chain has one reading', async t => {
  const wire = encodeChain(alice.chain)
  const invalid = { code: 'ERR_SFT_CERT_INVALID' }
  const whole = new Set([2 + leaf.length, wire.length])
  for (let size = 0; size < wire.length; size++)
    if (!whole.has(size)) t.throws(() => decodeChain(wire.subarray(0, size)), invalid, `${size} bytes`)
  const bad: Record<string, Uint8Array> = {
    'three certificates': Buffer.concat([wire, encodeChain([leaf])]),
    'a trailing byte': Buffer.concat([wire, Buffer.alloc(1)]),
    'an empty certificate': Buffer.alloc(2),
    'a certificate that is too long': Buffer.concat([Buffer.from([0x0c, 0x01]), Buffer.alloc(3073)])
  }
  for (const [title, bytes] of Object.entries(bad)) t.throws(() => decodeChain(bytes), invalid, title)
  for (const chain of [[], [leaf, leaf, leaf], [new Uint8Array(3073)], [new Uint8Array()]])
    t.throws(() => encodeChain(chain), invalid)
})
