import { X509Certificate } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { issue } from '../../src/auth/certificates/certificate.ts'
import { issuingExtensions } from '../../src/auth/certificates/profile.ts'
import { dataDirectory, saveIdentity } from '../../src/auth/identity/identity-files.ts'
import { Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const DAY = 86_400_000
const directory = t.testdir({ nobody: {}, alice: {}, late: {}, soon: {}, broken: {}, single: {} })
const at = (name: string): string => join(directory, name)
const nobody = new Shell(t, at('nobody'))
const organisation = await makeOrganisation()
const { root, rootIssuer } = organisation

t.test('a machine without an identity', async t => {
  const { code, stdout, stderr } = await nobody.run(['doctor'])
  t.same([code, stderr], [0, ''])
  t.match(
    stdout.toString(),
    /^Node\.js 24\.\d+\.\d+, OpenSSL \d\S+\ncipher: (native|node:crypto \(native: .+\))\nprocessors: \d+\nidentity: none\n$/
  )
})

t.test('SFT_NATIVE=0 shows, as JSON too', async t => {
  const env = { SFT_NATIVE: '0' }
  t.match((await nobody.run(['doctor'], { env })).stdout.toString(), 'cipher: node:crypto (native: SFT_NATIVE=0)\n')
  const { stdout } = await nobody.run(['doctor', '--json'], { env })
  t.match(JSON.parse(stdout.toString()), {
    node: process.versions.node,
    openssl: process.versions.openssl,
    aead: { name: 'node:crypto', reason: 'SFT_NATIVE=0' },
    processors: Number,
    identity: null
  })
})

t.test('a member, and when each certificate ends', async t => {
  const identity = await organisation.issue('alice')
  const alice = await shellOf(t, at('alice'), identity)
  const { code, stdout } = await alice.run(['doctor', '--json'])
  t.equal(code, 0)
  t.same(JSON.parse(stdout.toString()).identity, {
    name: 'alice',
    org: organisation.org,
    certificates: [
      { of: 'you', notAfter: endOf(identity.chain[0]), state: 'good' },
      { of: 'issuing authority', notAfter: organisation.issuing.certificate.validToDate.toISOString(), state: 'good' },
      { of: 'root', notAfter: root.validToDate.toISOString(), state: 'good' }
    ],
    exposed: []
  })
  t.match(
    (await alice.run(['doctor'])).stdout.toString(),
    /identity: alice in example\.org\ncertificate of you: until /
  )
})

t.test('a certificate that has ended: 41, and all the rest is still said', async t => {
  const past = { notBefore: new Date(Date.now() - 11 * DAY), notAfter: new Date(Date.now() - DAY) }
  const late = await shellOf(t, at('late'), await organisation.issue('late', past))
  const { code, stdout, stderr } = await late.run(['doctor'])
  t.equal(code, 41)
  t.match(stdout.toString(), /certificate of you: until \S+Z, ended: sft login gets a new one\n/)
  t.match(
    stderr,
    /^sft: the certificate of you has expired; hint: sft login gets a new one \[ERR_SFT_CERT_EXPIRED\]\n$/
  )
})

t.test('an authority that ends within a month is worth a warning, not a failure', async t => {
  const { certificate, privateKey } = organisation.issuing
  const fields = {
    subject: { organisation: organisation.org, commonName: 'sft issuing' },
    publicKey: certificate.publicKey,
    notBefore: new Date(Date.now() - DAY),
    extensions: issuingExtensions()
  }
  const ending = issue({ ...fields, notAfter: new Date(Date.now() + 15 * DAY) }, rootIssuer)
  const identity = await organisation.issue('soon', { issuer: { certificate: ending, privateKey }, chain: [ending] })
  const soon = await shellOf(t, at('soon'), identity)
  const { code, stdout, stderr } = await soon.run(['doctor'])
  t.same([code, stderr], [0, ''])
  t.match(stdout.toString(), /issuing authority: until \S+Z, ends soon: the authority has to make a new one\n/)
})

t.test('an organisation of one renews its member’s certificate by itself', async t => {
  const past = { notBefore: new Date(Date.now() - 11 * DAY), notAfter: new Date(Date.now() - DAY) }
  const single = new Shell(t, at('single'))
  await saveIdentity(dataDirectory(single.env), await organisation.issue('me', past), { embedded: true })
  const { code, stdout } = await single.run(['doctor'])
  t.equal(code, 0)
  t.notMatch(stdout.toString(), 'certificate of you')
})

t.test('an identity that can not be read: 11', async t => {
  const broken = await shellOf(t, at('broken'), await organisation.issue('broken'))
  const stored = join(dataDirectory(broken.env), 'identity')
  t.ok((await readdir(stored)).includes('identity.json'))
  await writeFile(join(stored, 'identity.json'), '{')
  const { code, stdout, stderr } = await broken.run(['doctor'])
  t.equal(code, 11)
  t.match(stdout.toString(), /^Node\.js /)
  t.match(stderr, /^sft: identity\.json is malformed \[ERR_SFT_FILE\]\n$/)
})

t.test('build-native says where, or what is missing', async t => {
  const env = { CC: 'no-such-compiler' }
  t.match(await nobody.run(['build-native'], { env }), {
    code: 2,
    bytes: 0,
    stderr: 'sft: there is no C compiler: no-such-compiler; hint: install one, or name it in CC [ERR_SFT_USAGE]\n'
  })
})

function endOf(der: Uint8Array | undefined): string {
  return new X509Certificate(der ?? '').validToDate.toISOString()
}
