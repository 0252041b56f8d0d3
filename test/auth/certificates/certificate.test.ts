import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { createRequest, parseRequest } from '../../../src/auth/certificates/certificate.ts'
import { issueServer } from '../../../src/auth/certificates/issuance.ts'
import { storePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { openssl } from '../../fixtures/openssl.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const organisation = await makeOrganisation()
const { root, issuing } = organisation
const alice = await organisation.issue('alice')
const challenge = Buffer.alloc(32, 0xfb).toString('base64')
const invalid = { code: 'ERR_SFT_CERT_INVALID' }

t.test('OpenSSL verifies a chain, strictly', async t => {
  const directory = t.testdir({
    'root.crt': root.toString(),
    'issuing.crt': issuing.certificate.toString(),
    'leaf.crt': encodeCertificates(alice.chain.slice(0, 1))
  })
  const verify = (...more: string[]): ReturnType<typeof openssl> =>
    openssl(['verify', '-x509_strict', '-CAfile', `${directory}/root.crt`, ...more, `${directory}/leaf.crt`])
  const { status, text } = verify('-untrusted', `${directory}/issuing.crt`)
  t.equal(status, 0, text)
  t.not(verify().status, 0, 'not without the issuing CA')
})

t.test('a certificate says what SPEC §4.2 wants, in the words of OpenSSL', async t => {
  const { text } = openssl(['x509', '-noout', '-text'], encodeCertificates(alice.chain))
  t.match(text, /Version: 3/)
  t.match(text, /Signature Algorithm: sha256WithRSAEncryption/)
  t.match(text, /Subject: CN = alice\n/)
  t.match(text, /Basic Constraints: critical\s+CA:FALSE/)
  t.match(text, /Key Usage: critical\s+Digital Signature, Key Encipherment\n/)
  t.match(text, /Extended Key Usage: critical\s+2\.25\.1936094257\.1\n/)
  t.match(text, /Alternative Name:\s+URI:sft:\/\/example\.org\/u\/alice\n/)
  t.match(text, /Subject Key Identifier/)
  t.match(text, /Authority Key Identifier/)
  const authority = openssl(['x509', '-noout', '-text'], issuing.certificate.toString()).text
  t.match(authority, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
  t.match(authority, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/)
  t.match(openssl(['x509', '-noout', '-text'], root.toString()).text, /CA:TRUE, pathlen:1/)
})

t.test('serials are positive, 16 bytes, and never the same', async t => {
  const key = await testKey()
  const serials = new Set<string>()
  for (let i = 0; i < 16; i++) {
    const { serialNumber } = issueServer(issuing, { publicKey: key.publicKey, hosts: ['localhost'] })
    t.match(serialNumber, /^[4-7][0-9A-F]{31}$/)
    serials.add(serialNumber)
  }
  t.equal(serials.size, 16)
})

t.test('a server certificate has DNS names and addresses', async t => {
  const { publicKey } = await testKey()
  const hosts = ['auth.example.org', '127.0.0.1', '::1', '2001:db8::1:0:2', '::ffff:192.0.2.1']
  const certificate = issueServer(issuing, { publicKey, hosts })
  t.equal(certificate.checkHost('auth.example.org'), 'auth.example.org')
  for (const address of hosts.slice(1)) t.ok(certificate.checkIP(address), address)
  t.notOk(certificate.checkIP('::2'))
  t.strictSame(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  const bad = [[], [''], ['a b'], ['-a'], ['ä.example.org'], ['fe80::1%eth0'], ['a/b'], ['*.example.org']]
  for (const names of bad)
    t.throws(() => issueServer(issuing, { publicKey, hosts: names }), { code: 'ERR_SFT_USAGE' }, names.join())
})

t.test('a request proves possession of its key, also to OpenSSL', async t => {
  const request = createRequest('alice', alice, challenge)
  const { text } = openssl(['req', '-verify', '-noout', '-text'], request)
  t.match(text, /self-signature verify OK/)
  t.match(text, /Subject: CN = alice\n/)
  const parsed = parseRequest(request)
  t.equal(parsed.name, 'alice')
  t.equal(parsed.challenge, challenge)
  t.ok(parsed.publicKey.equals(alice.publicKey))
})

t.test('a request of OpenSSL is as good', async t => {
  const directory = t.testdir({
    'key.pem': storePrivateKey(alice.privateKey, undefined),
    config: `[req]\nprompt=no\ndistinguished_name=dn\nattributes=attrs\n[dn]\nCN=alice\n[attrs]\nchallengePassword=${challenge}\n`
  })
  const args = ['req', '-new', '-sha256', '-config', `${directory}/config`, '-key', `${directory}/key.pem`]
  const { status, text } = openssl(args)
  t.equal(status, 0, text)
  t.match(parseRequest(text), { name: 'alice', challenge })
})

t.test('a request whose any bit is changed is refused', async t => {
  const request = createRequest('alice', alice, challenge)
  const der = Buffer.from(request.replace(/-----.*-----/g, ''), 'base64')
  for (let at = 0; at < der.length; at += 3) {
    const changed = Buffer.from(der)
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    t.throws(() => parseRequest(asRequest(changed)), invalid, `byte ${at}`)
  }
  for (const size of [0, 1, 4, der.length - 1]) t.throws(() => parseRequest(asRequest(der.subarray(0, size))), invalid)
  t.throws(() => parseRequest(asRequest(Buffer.concat([der, Buffer.alloc(1)]))), invalid, 'trailing byte')
})

t.test('a request signed by another key is refused', async t => {
  const mallory = await testKey()
  const request = createRequest('alice', { publicKey: alice.publicKey, privateKey: mallory.privateKey }, challenge)
  t.throws(() => parseRequest(request), invalid)
})

t.test('a request for a key that SPEC §4.2 does not allow is refused', async t => {
  const keys = [{ modulusLength: 1024 }, { modulusLength: 2048, publicExponent: 3 }]
  for (const options of keys) {
    const request = createRequest('alice', generateKeyPairSync('rsa', options), challenge)
    t.throws(() => parseRequest(request), invalid, JSON.stringify(options))
  }
})

t.test('text that is not one request is refused', async t => {
  const request = createRequest('alice', alice, challenge)
  for (const text of ['', 'x', root.toString(), request + request, request.replace(/CERTIFICATE REQUEST/g, 'X')])
    t.throws(() => parseRequest(text), invalid)
})

function asRequest(der: Buffer): string {
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
}
