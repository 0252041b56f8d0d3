import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  classicKey,
  classicRootOf,
  keepClassicCertificate,
  loadClassicIdentity,
  withCurrentCertificate
} from '../../../src/auth/classic/identity.ts'
import { makeClassicSystem } from '../../fixtures/classic.ts'

const system = await makeClassicSystem()
const root = system.certificate
const passphrase = async () => Buffer.from('of my key')

async function login(clients: string, alias: string, options = {}) {
  const key = await classicKey(clients, alias, options)
  const { certificate, pem } = await system.issue(alias, { key })
  await keepClassicCertificate(clients, { alias, root, certificate, pem, ...key })
  return key
}

t.test("M152, A24: a key of one's own, made once, private and under a passphrase", async t => {
  const clients = t.testdir()
  const key = await login(clients, 'Kim Lee', { newPassphrase: passphrase })
  t.equal(key.publicKey.asymmetricKeyDetails?.modulusLength, 2048)
  const path = join(clients, 'Kim Lee', 'key.pem')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.match(await readFile(path, 'utf8'), /BEGIN ENCRYPTED/)
  t.ok((await classicKey(clients, 'Kim Lee', { passphrase })).publicKey.equals(key.publicKey))
  await t.rejects(classicKey(clients, 'Kim Lee', { passphrase: async () => Buffer.from('passphrase') }), {
    code: 'ERR_SFT_PASSPHRASE'
  })
  const identity = await loadClassicIdentity(clients, { passphrase })
  t.equal(identity.alias, 'Kim Lee')
  t.ok(identity.certificate.checkPrivateKey(identity.privateKey))
  t.equal((await classicRootOf(clients, 'Kim Lee'))?.fingerprint256, root.fingerprint256)
})

t.test('one identity needs no name, of two it does', async t => {
  const clients = t.testdir()
  await t.rejects(loadClassicIdentity(clients), { code: 'ERR_SFT_NO_IDENTITY' })
  await t.rejects(loadClassicIdentity(join(clients, 'none')), { code: 'ERR_SFT_NO_IDENTITY' })
  await login(clients, 'user1')
  t.equal((await loadClassicIdentity(clients)).alias, 'user1')
  await login(clients, 'user2')
  await t.rejects(loadClassicIdentity(clients), { code: 'ERR_SFT_USAGE' })
  t.equal((await loadClassicIdentity(clients, { alias: 'user2' })).alias, 'user2')
  await t.rejects(loadClassicIdentity(clients, { alias: 'user3' }), { code: 'ERR_SFT_NO_IDENTITY' })
  await t.rejects(loadClassicIdentity(clients, { alias: '../clients/user1' }), { code: 'ERR_SFT_USAGE' })
})

t.test('a certificate that is over, or of another key, is told before it is used', async t => {
  const clients = t.testdir()
  const key = await login(clients, 'user1')
  const late = await system.issue('user1', { key, ttl: -24 * 3600 * 1000 })
  await keepClassicCertificate(clients, { alias: 'user1', root, ...late })
  await t.rejects(loadClassicIdentity(clients), { code: /ERR_SFT_CERT_EXPIRED/ })
  const other = await system.issue('user1')
  await keepClassicCertificate(clients, { alias: 'user1', root, ...other })
  await t.rejects(loadClassicIdentity(clients), { code: 'ERR_SFT_CERT_NAME' })
})

t.test('a later login is seen by who runs on', async t => {
  const clients = t.testdir()
  const key = await login(clients, 'user1')
  const before = await loadClassicIdentity(clients)
  t.equal(await withCurrentCertificate(clients, before), before)
  const next = await system.issue('user1', { key })
  await keepClassicCertificate(clients, { alias: 'user1', root, ...next })
  const after = await withCurrentCertificate(clients, before)
  t.equal(after.certificate.serialNumber, next.certificate.serialNumber)
  t.equal(after.privateKey, before.privateKey)
  await keepClassicCertificate(clients, { alias: 'user1', root, ...(await system.issue('user1')) })
  await t.rejects(withCurrentCertificate(clients, after), { code: 'ERR_SFT_CERT_NAME' })
})
