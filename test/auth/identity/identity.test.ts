import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { initAuthority, openAuthority } from '../../../src/auth/authority/authority.ts'
import { issue } from '../../../src/auth/certificates/certificate.ts'
import { isEncrypted, parsePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { identityUri } from '../../../src/auth/certificates/names.ts'
import { verifyPath } from '../../../src/auth/certificates/path.ts'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { leafExtensions } from '../../../src/auth/certificates/profile.ts'
import { initEmbedded, loadIdentity } from '../../../src/auth/identity/identity.ts'
import { dataDirectory, readOrigin, saveIdentity } from '../../../src/auth/identity/identity-files.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const organisation = await makeOrganisation()
const alice = await organisation.issue('alice')
const passphrase = Buffer.from('correct horse')
const never = (): never => {
  throw new Error('asked for a passphrase')
}
const DAY = 24 * 3600_000

t.test('its place follows XDG', async t => {
  t.equal(dataDirectory({ XDG_DATA_HOME: '/data', HOME: '/home/a' }), '/data/sft')
  t.equal(dataDirectory({ HOME: '/home/a' }), '/home/a/.local/share/sft')
  t.equal(dataDirectory({ XDG_DATA_HOME: 'relative', HOME: '/home/a' }), '/home/a/.local/share/sft')
  t.equal(dataDirectory({}), join(homedir(), '.local/share/sft'))
})

t.test('is loaded as it was saved', async t => {
  const directory = join(t.testdir(), 'sft')
  await saveIdentity(directory, alice, { authUrl: 'https://auth:1' })
  const loaded = await loadIdentity(directory, { passphrase: never })
  t.match(loaded, { org: alice.org, name: 'alice' })
  t.ok(loaded.privateKey.equals(alice.privateKey))
  t.ok(loaded.publicKey.equals(alice.publicKey))
  t.strictSame(loaded.chain, alice.chain)
  t.ok(loaded.root.raw.equals(alice.root.raw))
  t.match(await readOrigin(directory), { org: alice.org, name: 'alice', authUrl: 'https://auth:1', embedded: false })
})

t.test('is private', async t => {
  const directory = join(t.testdir(), 'sft')
  await saveIdentity(directory, alice)
  for (const path of [directory, join(directory, 'identity')]) t.equal(statSync(path).mode & 0o777, 0o700)
  for (const file of ['key.pem', 'chain.pem', 'root.crt', 'identity.json'])
    t.equal(statSync(join(directory, 'identity', file)).mode & 0o777, 0o600, file)
  chmodSync(join(directory, 'identity/key.pem'), 0o644)
  await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_FILE', hint: /chmod/ })
})

t.test('its key is under the passphrase, which is asked once', async t => {
  const directory = t.testdir()
  await saveIdentity(directory, alice, { passphrase })
  t.ok(isEncrypted(readFileSync(join(directory, 'identity/key.pem'), 'utf8')))
  let asked = 0
  await loadIdentity(directory, {
    passphrase: async () => {
      asked++
      return passphrase
    }
  })
  t.equal(asked, 1)
  await t.rejects(loadIdentity(directory, { passphrase: async () => Buffer.from('x') }), { code: 'ERR_SFT_PASSPHRASE' })
  await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_SECRET_UNAVAILABLE' })
})

t.test('none is an error that says what to do', async t => {
  const expected = { code: 'ERR_SFT_NO_IDENTITY', hint: /sft init.*sft login/ }
  await t.rejects(loadIdentity(join(t.testdir(), 'none')), expected)
  t.equal(await readOrigin(join(t.testdir(), 'none')), undefined)
})

t.test('a new one takes the place of the old one and leaves nothing else', async t => {
  const directory = t.testdir()
  const bob = await organisation.issue('bob')
  await saveIdentity(directory, alice)
  await saveIdentity(directory, bob)
  t.equal((await loadIdentity(directory)).name, 'bob')
  t.strictSame(readdirSync(directory), ['identity'])
})

t.test('a crash between the two renames loses neither', async t => {
  const directory = t.testdir()
  await saveIdentity(directory, alice)
  renameSync(join(directory, 'identity'), join(directory, 'identity.previous'))
  t.equal((await loadIdentity(directory)).name, 'alice')
  await saveIdentity(directory, await organisation.issue('bob'))
  t.equal((await loadIdentity(directory)).name, 'bob')
  t.strictSame(readdirSync(directory), ['identity'])
})

t.test('what cannot be saved leaves the old one', async t => {
  const directory = t.testdir()
  await saveIdentity(directory, alice)
  const bob = await organisation.issue('bob')
  await t.rejects(saveIdentity(directory, bob, { passphrase: Buffer.alloc(0) }), { code: 'ERR_SFT_USAGE' })
  t.equal((await loadIdentity(directory)).name, 'alice')
  t.strictSame(readdirSync(directory), ['identity'])
})

t.test('what a peer would refuse is refused here', async t => {
  const directory = t.testdir()
  const bob = await organisation.issue('bob')
  await saveIdentity(directory, { ...alice, privateKey: bob.privateKey })
  await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_FILE' }, 'a key of another')
  await saveIdentity(directory, { ...alice, name: 'bob' })
  await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_CERT_NAME' }, 'a name of another')
  await saveIdentity(directory, await organisation.issueFaulty('bob', 'self-signed'))
  await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  await saveIdentity(directory, await organisation.issueFaulty('bob', 'expired'), { authUrl: 'https://auth:1' })
  const expected = { code: 'ERR_SFT_CERT_EXPIRED', hint: 'sft login bob --auth https://auth:1' }
  await t.rejects(loadIdentity(directory), expected)
})

t.test('malformed files are refused', async t => {
  const directory = t.testdir()
  await saveIdentity(directory, alice)
  const file = join(directory, 'identity/identity.json')
  const good = readFileSync(file, 'utf8')
  for (const text of [
    '',
    'null',
    '{}',
    '{"org":"a","name":"../a","embedded":false}',
    '{"org":1,"name":"a","embedded":false}'
  ]) {
    writeFileSync(file, text)
    await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_FILE' }, text)
  }
  writeFileSync(file, good)
  for (const name of ['chain.pem', 'root.crt']) {
    const text = readFileSync(join(directory, 'identity', name))
    writeFileSync(join(directory, 'identity', name), 'x')
    await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_CERT_INVALID' }, name)
    rmSync(join(directory, 'identity', name))
    await t.rejects(loadIdentity(directory), { code: 'ERR_SFT_FILE' }, name)
    writeFileSync(join(directory, 'identity', name), text)
  }
  t.equal((await loadIdentity(directory)).name, 'alice')
})

t.test('an embedded organisation of one', async t => {
  const directory = join(t.testdir(), 'sft')
  const made = await initEmbedded(directory, { name: 'alice', passphrase, bits: 2048 })
  t.match(made.org, /^local-[0-9a-f]{16}$/)
  const loaded = await loadIdentity(directory, { passphrase: async () => passphrase })
  t.strictSame(loaded.chain, made.chain, 'a fresh leaf is kept')
  t.equal(verifyPath(loaded.chain, loaded).name, 'alice')
  for (const key of ['ca/root.key', 'ca/issuing.key', 'identity/key.pem'])
    t.ok(isEncrypted(readFileSync(join(directory, key), 'utf8')), key)
  await t.rejects(initEmbedded(directory, { name: 'bob', bits: 2048 }), { code: 'ERR_SFT_EXISTS' })
  await t.rejects(initEmbedded(join(directory, 'x'), { name: 'Bob' }), { code: 'ERR_SFT_USAGE' })
  t.notOk(existsSync(join(directory, 'x')))
})

t.test('an embedded leaf is renewed after two thirds of its life, with the same key', async t => {
  const directory = t.testdir()
  await initAuthority(join(directory, 'ca'), { org: 'local-1', bits: 2048, passphrase })
  let asked = 0
  const ask = async (): Promise<Buffer> => {
    asked++
    return passphrase
  }
  const { root, org, issuing } = await openAuthority(join(directory, 'ca'), { passphrase: ask })
  const privateKey = parsePrivateKey(readFileSync(join(directory, 'ca/issuing.key'), 'utf8'), passphrase)
  const key = await testKey()
  const fields = { subject: { commonName: 'alice' }, publicKey: key.publicKey }
  const extensions = leafExtensions(identityUri(org, 'alice'))
  for (const [start, end] of [
    [-7 * DAY, 3 * DAY],
    [-11 * DAY, -DAY]
  ] as const) {
    const dates = { notBefore: new Date(Date.now() + start), notAfter: new Date(Date.now() + end) }
    const leaf = issue({ ...fields, ...dates, extensions }, { certificate: issuing, privateKey })
    const chain = [leaf, issuing].map(certificate => Uint8Array.from(certificate.raw))
    await saveIdentity(directory, { org, name: 'alice', root, chain, ...key }, { passphrase, embedded: true })
    asked = 0
    const renewed = await loadIdentity(directory, { passphrase: ask })
    t.equal(asked, 1, 'the passphrase is asked once for both keys')
    t.ok(renewed.publicKey.equals(key.publicKey))
    t.ok(verifyPath(renewed.chain, { root, org }).notAfter.getTime() > Date.now() + 9 * DAY)
    t.equal(readFileSync(join(directory, 'identity/chain.pem'), 'utf8'), encodeCertificates(renewed.chain))
    t.strictSame((await loadIdentity(directory, { passphrase: ask })).chain, renewed.chain, 'it is stored')
  }
})
