import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { initAuthority, openAuthority } from '../../../src/auth/authority/authority.ts'
import { describeAuthority } from '../../../src/auth/authority/authority-files.ts'
import { authorityAt, moveRootKey, rotateIssuing } from '../../../src/auth/authority/rotation.ts'
import { isEncrypted } from '../../../src/auth/certificates/keys.ts'
import { issuerIdOf, verifyPath } from '../../../src/auth/certificates/path.ts'
import { requestAuth } from '../../../src/auth/client/auth-client.ts'
import { fetchLists } from '../../../src/auth/client/list-client.ts'
import { login } from '../../../src/auth/client/login.ts'
import { renew } from '../../../src/auth/client/renewal.ts'
import { verifyMember } from '../../../src/auth/identity/member.ts'
import { Revocations } from '../../../src/auth/identity/revocations.ts'
import { PASSWORD, startAuthServer } from '../../fixtures/auth-server.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const org = 'example.org'
const key = await testKey()
const passphrase = Buffer.from('correct horse')

t.test('a rotation makes another CA under the same root, and both go on', async t => {
  const directory = join(t.testdir(), 'ca')
  await initAuthority(directory, { org, bits: 2048 })
  const before = await openAuthority(directory)
  const old = before.issueLeaf(key.publicKey, 'alice')
  const certificate = await rotateIssuing(directory)
  const after = await openAuthority(directory)
  t.equal(after.issuing.fingerprint256, certificate.fingerprint256)
  t.not(after.issuing.fingerprint256, before.issuing.fingerprint256)
  t.equal(after.issuing.publicKey.asymmetricKeyDetails?.modulusLength, 2048)
  for (const chain of [old, after.issueLeaf(key.publicKey, 'alice')])
    t.equal(verifyPath(chain, { root: before.root, org }).name, 'alice')
  t.strictSame(
    after.signers.map(({ issuerId }) => issuerId),
    [after.signers[0].issuerId, before.signers[0].issuerId]
  )
  await rotateIssuing(directory)
  t.match(await describeAuthority(directory), { issuing: 'issuing-3', retired: ['issuing-2', 'issuing'] })
  for (const file of readdirSync(directory).filter(name => name.endsWith('.key')))
    t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
})

t.test('what a rotation was cut off from stays without effect, and the next one goes past it', async t => {
  const directory = join(t.testdir(), 'ca')
  await initAuthority(directory, { org, bits: 2048 })
  const before = await openAuthority(directory)
  writeFileSync(join(directory, 'issuing-2.key'), 'half a k')
  t.equal((await openAuthority(directory)).issuing.fingerprint256, before.issuing.fingerprint256)
  await rotateIssuing(directory)
  t.match(await describeAuthority(directory), { issuing: 'issuing-3', retired: ['issuing'] })
})

t.test('keys under a passphrase: the new one is, too, and the passphrase is asked for once', async t => {
  const directory = join(t.testdir(), 'ca')
  await initAuthority(directory, { org, bits: 2048, passphrase })
  let asked = 0
  const source = async (): Promise<Buffer> => {
    asked++
    return passphrase
  }
  await rotateIssuing(directory, { passphrase: source })
  t.equal(asked, 1)
  t.ok(isEncrypted(readFileSync(join(directory, 'issuing-2.key'), 'utf8')))
  await t.rejects(rotateIssuing(directory, { passphrase: async () => Buffer.from('x') }), {
    code: 'ERR_SFT_PASSPHRASE'
  })
  const { refresh } = await authorityAt(directory, { passphrase: source })
  await rotateIssuing(directory, { passphrase: source })
  await refresh()
  t.equal(asked, 3, 'a server that takes it over does not ask again')
})

t.test('the root key moves away, and the authority goes on without it', async t => {
  const place = t.testdir({ media: { taken: '' } })
  const directory = join(place, 'ca')
  await initAuthority(directory, { org, bits: 2048 })
  const target = join(place, 'media/root.key')
  await t.rejects(moveRootKey(directory, join(place, 'media/taken')), { code: 'ERR_SFT_EXISTS' })
  t.ok(existsSync(join(directory, 'root.key')), 'nothing is lost by that')
  await moveRootKey(directory, target)
  t.equal(existsSync(join(directory, 'root.key')), false)
  t.equal(statSync(target).mode & 0o777, 0o600)
  t.ok((await openAuthority(directory)).issueLeaf(key.publicKey, 'alice'))
  const missing = { code: 'ERR_SFT_NOT_FOUND', hint: /--root-key/ }
  await t.rejects(rotateIssuing(directory), missing)
  await t.rejects(moveRootKey(directory, join(place, 'media/again')), missing)
  await t.rejects(rotateIssuing(directory, { rootKey: join(directory, 'issuing.key') }), { code: 'ERR_SFT_FILE' })
  await rotateIssuing(directory, { rootKey: target })
  t.match(await describeAuthority(directory), { issuing: 'issuing-2' })
})

t.test('a server takes a rotation over without a pause; members of both CAs trust each other', async t => {
  const place = t.testdir()
  const directory = join(place, 'ca')
  let opened: ReturnType<typeof authorityAt> | undefined
  const refresh = async () => {
    opened ??= authorityAt(directory)
    return (await opened).refresh()
  }
  const service = await startAuthServer(place, { refresh })
  t.teardown(() => service.close())
  const { server, authority, store } = service
  const options = { url: server.url, name: 'alice', password: PASSWORD, trust: { root: authority.root }, key }
  const alice = { ...(await login(options)), revocations: new Revocations(authority.root) }
  await fetchLists(alice, { url: server.url })
  await rotateIssuing(directory)
  const issuer = (chain: readonly Uint8Array[]): string | undefined =>
    verifyPath(chain, { root: authority.root, org }).certificates[0]?.issuer
  let renewed = await renew(alice, { url: server.url })
  for (let tries = 0; issuer(renewed.chain) === issuer(alice.chain) && tries < 8; tries++) {
    await delay(1000)
    renewed = await renew(alice, { url: server.url })
  }
  t.not(issuer(renewed.chain), issuer(alice.chain), 'within seconds')
  const somebody = { ...alice, publicKey: authority.root.publicKey }
  t.throws(() => verifyMember(somebody, renewed.chain), { code: 'ERR_SFT_CRL' }, 'whose list alice has not asked for')
  await fetchLists(alice, { url: server.url })
  t.equal(verifyMember(somebody, renewed.chain).name, 'alice')
  t.equal(verifyMember(somebody, alice.chain).name, 'alice', 'the one before is good')
  await rotateIssuing(directory, { revoke: true })
  const { issuing } = await refresh()
  await delay(2500)
  await fetchLists(alice, { url: server.url })
  t.throws(() => verifyMember(somebody, renewed.chain), { code: 'ERR_SFT_CERT_REVOKED' }, 'its CA is void')
  t.equal(verifyMember(somebody, alice.chain).name, 'alice')
  const third = await renew(alice, { url: server.url })
  t.equal(issuer(third.chain), issuerIdOf(issuing))
  const { status } = await requestAuth(
    { url: new URL(server.url), root: authority.root },
    { method: 'GET', path: '/healthz' }
  )
  t.equal(status, 200)
  t.equal((await store.audit.verify()).intact, true)
  t.strictSame(
    service.events.filter(({ type }) => type === 'fault'),
    []
  )
})
