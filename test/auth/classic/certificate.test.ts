import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { issue, selfSign } from '../../../src/auth/certificates/certificate.ts'
import { createIssuing, createRoot, issueLeaf, issueServer } from '../../../src/auth/certificates/issuance.ts'
import { verifyPath } from '../../../src/auth/certificates/path.ts'
import { encodeCertificates, encodePem } from '../../../src/auth/certificates/pem.ts'
import { EXTENSION, leafExtensions } from '../../../src/auth/certificates/profile.ts'
import { parseClassicRoot, verifyClassicCertificate } from '../../../src/auth/classic/certificate.ts'
import { CLASSIC_LIFE, issueClassicLeaf } from '../../../src/auth/classic/issuance.ts'
import { makeClassicSystem } from '../../fixtures/classic.ts'
import { openssl } from '../../fixtures/openssl.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const system = await makeClassicSystem()
const { certificate: root, privateKey: rootKey } = system
const user1 = await system.issue('user1')
const now = Date.now()
const DAY = 24 * 3600 * 1000
const span = { notBefore: new Date(now - DAY), notAfter: new Date(now + DAY) }

t.test('a leaf says who holds a key, for ten days', t => {
  const peer = verifyClassicCertificate(user1.pem, { root, alias: 'user1' })
  t.equal(peer.alias, 'user1')
  t.ok(peer.publicKey.equals(user1.publicKey))
  const life = user1.certificate.validToDate.getTime() - now
  t.ok(life <= CLASSIC_LIFE + 60_000 && life > CLASSIC_LIFE - 60_000)
  t.end()
})

t.test('openssl agrees: version 3, no extension, under its root', t => {
  const files = t.testdir({ 'root.pem': root.toString(), 'leaf.pem': user1.pem })
  t.match(openssl(['verify', '-CAfile', `${files}/root.pem`, `${files}/leaf.pem`]).text, /leaf\.pem: OK/)
  const { text } = openssl(['x509', '-in', `${files}/leaf.pem`, '-noout', '-text'])
  t.match(text, /Version: 3 \(0x2\)/)
  t.match(text, /Signature Algorithm: sha256WithRSAEncryption/)
  t.match(text, /Subject: CN = user1\n/)
  t.notMatch(text, /X509v3/)
  t.end()
})

t.test('the published root goes on issuing, under its whole name', t => {
  const data = new URL('../../data/classic/', import.meta.url)
  const certificate = parseClassicRoot(readFileSync(new URL('root.crt', data)))
  const key = { key: readFileSync(new URL('root.key.der', data)), format: 'der', type: 'pkcs1' } as const
  const issuer = { certificate, privateKey: createPrivateKey(key) }
  const { publicKey } = user1
  const fields = {
    subject: { commonName: 'user9' },
    publicKey,
    notBefore: new Date('2020-11-20'),
    notAfter: new Date('2020-11-30')
  }
  const leaf = issue({ ...fields, extensions: [], keyIds: false }, issuer)
  t.equal(leaf.issuer, certificate.subject)
  const pem = Buffer.from(leaf.toString())
  t.equal(verifyClassicCertificate(pem, { root: certificate, now: new Date('2020-11-21') }).alias, 'user9')
  const late = issueClassicLeaf(issuer, { alias: 'user9', publicKey })
  t.equal(late.validTo, certificate.validTo, 'a leaf does not outlive its root')
  t.end()
})

t.test('M143, A5, A19: what is no certificate of a classic peer', async t => {
  const stranger = await makeClassicSystem()
  const { publicKey } = user1
  const cn = (commonName: string) => ({ subject: { commonName }, publicKey, ...span })
  const pemOf = (certificate: { toString(): string }): Buffer => Buffer.from(certificate.toString())
  const plain = { extensions: [], keyIds: false }
  const refused: Record<string, [Uint8Array, string]> = {
    'of another root': [(await stranger.issue('user1')).pem, 'UNTRUSTED'],
    'self-signed': [pemOf(selfSign({ ...cn('user1'), ...plain }, user1.privateKey)), 'UNTRUSTED'],
    'signed by a leaf': [
      pemOf(issue({ ...cn('user2'), ...plain }, { certificate: user1.certificate, privateKey: user1.privateKey })),
      'UNTRUSTED'
    ],
    'the root itself': [pemOf(root), 'USAGE'],
    'with any extension': [pemOf(issue({ ...cn('user1'), extensions: [] }, system)), 'USAGE'],
    'with those of a native leaf': [
      pemOf(issue({ ...cn('user1'), extensions: leafExtensions('sft://example.org/u/user1') }, system)),
      'USAGE'
    ],
    'a CA': [
      pemOf(
        issue(
          {
            ...cn('user1'),
            extensions: [{ id: EXTENSION.basicConstraints, critical: true, value: Uint8Array.of(0x30, 3, 1, 1, 255) }],
            keyIds: false
          },
          system
        )
      ),
      'USAGE'
    ],
    'a name that is none': [pemOf(issue({ ...cn('../user1'), ...plain }, system)), 'USAGE'],
    'not yet valid': [
      pemOf(issue({ ...cn('user1'), ...plain, notBefore: new Date(now + DAY / 2) }, system)),
      'EXPIRED'
    ],
    expired: [pemOf(issue({ ...cn('user1'), ...plain, notAfter: new Date(now - DAY / 2) }, system)), 'EXPIRED'],
    'another name': [(await system.issue('user2', { key: user1 })).pem, 'NAME'],
    'no PEM': [user1.certificate.raw, 'INVALID'],
    'two certificates': [Buffer.concat([user1.pem, user1.pem]), 'INVALID'],
    'text before it': [Buffer.concat([Buffer.from('x\n'), user1.pem]), 'INVALID'],
    'longer than a payload': [Buffer.concat([user1.pem, Buffer.alloc(4096, ' ')]), 'INVALID'],
    nothing: [new Uint8Array(0), 'INVALID']
  }
  for (const [what, [pem, code]] of Object.entries(refused))
    t.throws(() => verifyClassicCertificate(pem, { root, alias: 'user1' }), { code: `ERR_SFT_CERT_${code}` }, what)
})

t.test('no changed byte of a certificate is accepted', t => {
  const { raw } = user1.certificate
  for (let at = 0; at < raw.byteLength; at += 3) {
    const changed = Uint8Array.from(raw)
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    const pem = Buffer.from(encodePem('CERTIFICATE', changed))
    t.throws(() => verifyClassicCertificate(pem, { root }), { code: /^ERR_SFT_CERT_/ }, `${at}`)
  }
  t.end()
})

t.test('M140: neither world takes the certificates of the other', async t => {
  const organisation = await makeOrganisation()
  const alice = await organisation.issue('alice')
  const native = { root: organisation.root, org: organisation.org }
  t.throws(() => verifyPath([user1.certificate.raw], native), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  t.throws(() => verifyPath([user1.certificate.raw], { root, org: 'example.org' }), { code: 'ERR_SFT_CERT_USAGE' })
  t.throws(() => parseClassicRoot(Buffer.from(organisation.root.toString())), { code: 'ERR_SFT_CERT_USAGE' })
  t.throws(() => parseClassicRoot(Buffer.from(organisation.issuing.certificate.toString())), {
    code: 'ERR_SFT_CERT_USAGE'
  })
  const [leaf] = alice.chain as [Uint8Array]
  const pem = Buffer.from(encodeCertificates([leaf]))
  t.throws(() => verifyClassicCertificate(pem, { root }), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  // the issuing CA did sign it, but is no root
  const pinned = { root: organisation.issuing.certificate }
  t.throws(() => verifyClassicCertificate(pem, pinned), { code: 'ERR_SFT_CERT_UNTRUSTED' })

  // even where one key were at both ends
  const key = { publicKey: root.publicKey as KeyObject, privateKey: rootKey }
  const nativeRoot = createRoot('example.org', key)
  const issuing = createIssuing({ certificate: nativeRoot, privateKey: rootKey }, 'example.org', key.publicKey)
  const below = { certificate: issuing, privateKey: rootKey }
  const { publicKey } = await testKey()
  const member = issueLeaf(below, { org: 'example.org', name: 'alice', publicKey })
  const server = issueServer(below, { publicKey, hosts: ['localhost'] })
  for (const certificate of [member, server, nativeRoot, issuing])
    t.throws(() => verifyClassicCertificate(Buffer.from(certificate.toString()), { root }), {
      code: 'ERR_SFT_CERT_USAGE'
    })
  const here = { root: nativeRoot, org: 'example.org' }
  t.equal(verifyPath([member.raw, issuing.raw], here).name, 'alice')
  t.throws(() => verifyPath([user1.certificate.raw], here), { code: 'ERR_SFT_CERT_USAGE' })
  t.throws(() => verifyPath([user1.certificate.raw, issuing.raw], here), { code: 'ERR_SFT_CERT_USAGE' })
})

t.test('what is no classic root', t => {
  for (const pem of [user1.pem, Buffer.from(''), Buffer.concat([user1.pem, user1.pem])])
    t.throws(() => parseClassicRoot(pem), { code: /^ERR_SFT_CERT_(USAGE|INVALID)$/ })
  t.ok(parseClassicRoot(Buffer.from(root.toString())))
  t.end()
})
