import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { addPeer, findPeer, listPeers, removePeer } from '../../../src/auth/identity/peers.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = [await organisation.issue('alice'), await organisation.issue('bob')]
const unknown = { code: 'ERR_SFT_UNKNOWN_PEER', hint: /sft peers add/ }

t.test('a peer is found by the name that its certificate has', async t => {
  const directory = join(t.testdir(), 'sft')
  t.equal((await addPeer(directory, alice, encodeCertificates(bob.chain))).name, 'bob')
  t.strictSame(readdirSync(join(directory, 'peers')), ['bob.crt'])
  t.equal(statSync(join(directory, 'peers')).mode & 0o777, 0o700)
  const found = await findPeer(directory, alice, 'bob')
  t.ok(found.publicKey.equals(bob.publicKey))
})

t.test('a leaf alone is of the own issuing CA', async t => {
  const directory = t.testdir()
  await addPeer(directory, alice, encodeCertificates(bob.chain.slice(0, 1)))
  t.ok((await findPeer(directory, alice, 'bob')).publicKey.equals(bob.publicKey))
})

t.test('a newer certificate takes the place of the older one', async t => {
  const directory = t.testdir()
  const renewed = await organisation.issue('bob')
  await addPeer(directory, alice, encodeCertificates(bob.chain))
  await addPeer(directory, alice, encodeCertificates(renewed.chain))
  t.ok((await findPeer(directory, alice, 'bob')).publicKey.equals(renewed.publicKey))
})

t.test('what the path check refuses is not added', async t => {
  const directory = t.testdir()
  const other = await makeOrganisation({ org: organisation.org })
  const stranger = await other.issue('bob')
  await t.rejects(addPeer(directory, alice, encodeCertificates(stranger.chain)), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  const expired = await organisation.issueFaulty('bob', 'expired')
  await t.rejects(addPeer(directory, alice, encodeCertificates(expired.chain)), { code: 'ERR_SFT_CERT_EXPIRED' })
  for (const text of ['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])
    await t.rejects(addPeer(directory, alice, text), { code: 'ERR_SFT_CERT_INVALID' })
  t.strictSame(await listPeers(directory, alice), [])
})

t.test('an entry is checked again each time it is used', async t => {
  const directory = t.testdir({ peers: {} })
  writeFileSync(join(directory, 'peers/carol.crt'), encodeCertificates(bob.chain))
  await t.rejects(findPeer(directory, alice, 'carol'), { code: 'ERR_SFT_CERT_NAME' })
  writeFileSync(
    join(directory, 'peers/carol.crt'),
    encodeCertificates((await organisation.issueFaulty('carol', 'expired')).chain)
  )
  await t.rejects(findPeer(directory, alice, 'carol'), { code: 'ERR_SFT_CERT_EXPIRED' })
})

t.test('the own name is oneself, whatever the book says', async t => {
  const directory = t.testdir({ peers: {} })
  const impostor = await organisation.issue('alice')
  writeFileSync(join(directory, 'peers/alice.crt'), encodeCertificates(impostor.chain))
  t.ok((await findPeer(directory, alice, 'alice')).publicKey.equals(alice.publicKey))
})

t.test('a path is a certificate file; a name never is', async t => {
  const directory = t.testdir({ bob: encodeCertificates(bob.chain), 'bob.crt': encodeCertificates(bob.chain) })
  for (const file of ['bob', 'bob.crt']) t.equal((await findPeer(directory, alice, join(directory, file))).name, 'bob')
  const before = process.cwd()
  process.chdir(directory)
  t.teardown(() => process.chdir(before))
  t.equal((await findPeer(directory, alice, 'bob.crt')).name, 'bob')
  await t.rejects(findPeer(directory, alice, 'bob'), unknown, 'a file of this name lies here')
})

t.test('names nobody has', async t => {
  const directory = t.testdir()
  for (const name of ['bob', 'Bob', '', '..', 'a b', '\x1b[2J'])
    await t.rejects(findPeer(directory, alice, name), unknown, JSON.stringify(name))
  await t.rejects(findPeer(directory, alice, '/none.crt'), { code: 'ERR_SFT_UNKNOWN_PEER' })
  await t.rejects(removePeer(directory, 'bob'), unknown)
  await t.rejects(removePeer(directory, '../identity/key'), unknown)
})

t.test('the list has every name, and says which cannot be used', async t => {
  const directory = t.testdir()
  await addPeer(directory, alice, encodeCertificates(bob.chain))
  writeFileSync(join(directory, 'peers/adam.crt'), 'x')
  writeFileSync(join(directory, 'peers/Not a name.crt'), 'x')
  writeFileSync(join(directory, 'peers/other.txt'), 'x')
  mkdirSync(join(directory, 'peers/zoe.crt'))
  t.match(await listPeers(directory, alice), [
    { name: 'adam', problem: { code: 'ERR_SFT_CERT_INVALID' } },
    { name: 'bob', peer: { name: 'bob' } },
    { name: 'zoe', problem: { code: 'ERR_SFT_FILE' } }
  ])
  await removePeer(directory, 'bob')
  t.strictSame(
    (await listPeers(directory, alice)).map(({ name }) => name),
    ['adam', 'zoe']
  )
})
