import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createIssuing } from '../../../src/auth/certificates/issuance.ts'
import { verifyMember } from '../../../src/auth/identity/member.ts'
import { openRevocations, rereadRevocations } from '../../../src/auth/identity/revocation-files.ts'
import { Revocations } from '../../../src/auth/identity/revocations.ts'
import { informed, signList } from '../../fixtures/lists.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const organisation = await makeOrganisation()
const other = await makeOrganisation()
const alice = await organisation.issue('alice')
const bob = await organisation.issue('bob')
const MINUTE = 60_000

async function secondIssuer() {
  const { publicKey, privateKey } = await testKey()
  return { certificate: createIssuing(organisation.rootIssuer, organisation.org, publicKey), privateKey }
}

t.test('M52, A21: who is on the list is refused, and so is everybody while there is no good one', async t => {
  const stale = { code: 'ERR_SFT_CRL', hint: /auth server/ }
  t.equal(verifyMember(alice, bob.chain).name, 'bob', 'an organisation of one has no lists')
  t.throws(() => verifyMember({ ...alice, revocations: new Revocations(alice.root) }, bob.chain), stale)
  const clean = await informed(alice, signList(organisation, 1))
  t.equal(verifyMember(clean, bob.chain).name, 'bob')
  await clean.revocations.learn(...pair(signList(organisation, 2, { revoked: [bob] })))
  t.throws(() => verifyMember(clean, bob.chain), { code: 'ERR_SFT_CERT_REVOKED', message: /keyCompromise/ })
  t.equal(verifyMember(clean, alice.chain).name, 'alice', 'nobody else is')
  const old = await informed(alice, signList(organisation, 1, { nextUpdate: new Date(Date.now() - 6 * MINUTE) }))
  t.throws(() => verifyMember(old, bob.chain), stale)
  t.equal(verifyMember(old, bob.chain, { known: false }).name, 'bob', 'a newer one is on its way')
  const skewed = await informed(alice, signList(organisation, 1, { nextUpdate: new Date(Date.now() - 4 * MINUTE) }))
  t.equal(verifyMember(skewed, bob.chain).name, 'bob', 'clocks differ by five minutes')
})

t.test('M52: an issuing CA on the list of the root takes its leaves with it, at any age of that list', async t => {
  const issuer = await secondIssuer()
  const kim = await organisation.issue('kim', { issuer, chain: [issuer.certificate] })
  const knows = await informed(alice, signList(organisation, 1), signList(organisation, 1, { issuer }))
  t.equal(verifyMember(knows, kim.chain).name, 'kim')
  const past = { issuer: organisation.rootIssuer, nextUpdate: new Date(Date.now() - 30 * 24 * 60 * MINUTE) }
  await knows.revocations.learn(...pair(signList(organisation, 1, past)))
  t.equal(verifyMember(knows, kim.chain).name, 'kim', 'an empty one says nothing')
  const serial = issuer.certificate.serialNumber.toLowerCase()
  await knows.revocations.learn(...pair(signList(organisation, 2, { ...past, serials: [serial] })))
  t.throws(() => verifyMember(knows, kim.chain), { code: 'ERR_SFT_CERT_REVOKED' })
  t.equal(verifyMember(knows, bob.chain).name, 'bob', 'the other CA stands')
})

t.test('M53: a list is of a CA of the organisation, and never goes back', async t => {
  const { revocations } = await informed(alice, signList(organisation, 5, { revoked: [bob] }))
  t.match(await revocations.learn(...pair(signList(organisation, 4))), { number: 4, news: false })
  t.match(await revocations.learn(...pair(signList(organisation, 5))), { number: 5, news: false })
  t.throws(() => verifyMember({ ...alice, revocations }, bob.chain), { code: 'ERR_SFT_CERT_REVOKED' })
  const foreign = signList(other, 9)
  await t.rejects(revocations.learn(foreign.der, foreign.issuer), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  await t.rejects(revocations.learn(foreign.der, organisation.issuing.certificate.raw), { code: 'ERR_SFT_CRL' })
  await t.rejects(revocations.learn(foreign.der, alice.chain[0] as Uint8Array), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  const kim = await organisation.issue('kim', { issuer: organisation.rootIssuer, chain: [] })
  await t.rejects(revocations.learn(foreign.der, kim.chain[0] as Uint8Array), { code: 'ERR_SFT_CERT_USAGE' })
  t.equal(revocations.lists.length, 1)
})

t.test('lists of more issuers than can be held make room by age, and never by force', async t => {
  const { revocations } = await informed(alice, signList(organisation, 1))
  const over = await secondIssuer()
  await revocations.learn(
    ...pair(signList(organisation, 1, { issuer: over, nextUpdate: new Date(Date.now() - 60 * MINUTE) }))
  )
  const issuers = await Promise.all(Array.from({ length: 15 }, secondIssuer))
  for (const issuer of issuers) await revocations.learn(...pair(signList(organisation, 1, { issuer })))
  t.equal(revocations.lists.length, 16)
  t.equal(revocations.get(signList(organisation, 1, { issuer: over }).issuerId), undefined, 'what was over is gone')
  const late = await secondIssuer()
  t.match(await revocations.learn(...pair(signList(organisation, 1, { issuer: late }))), { news: false })
})

t.test('M53: they are kept on the disk, the highest number of each issuer', async t => {
  const directory = t.testdir()
  const lists = join(directory, 'lists')
  const first = await openRevocations(directory, alice.root)
  const second = await openRevocations(directory, alice.root)
  await first.learn(...pair(signList(organisation, 7)))
  await second.learn(...pair(signList(organisation, 3)))
  const { issuerId } = signList(organisation, 1)
  t.equal((await openRevocations(directory, alice.root)).numberOf(issuerId), 7, 'whoever wrote last')
  await rereadRevocations(directory, second)
  t.equal(second.numberOf(issuerId), 7, 'what another process has learnt')
  await second.learn(...pair(signList(organisation, 8)))
  t.strictSame(readdirSync(lists), [`${issuerId}.8.pem`], 'older ones are removed')
  writeFileSync(join(lists, `${issuerId}.9.pem`), 'damaged')
  writeFileSync(join(lists, 'another file'), '')
  t.equal((await openRevocations(directory, other.root)).lists.length, 0, 'of another organisation')
  t.equal((await openRevocations(directory, alice.root)).lists.length, 0, 'damaged: the auth server is asked again')
})

t.test('a disk that can not keep a list is told of, and the list counts', async t => {
  const directory = t.testdir({ lists: 'a file in the place of the directory' })
  await t.rejects(openRevocations(directory, alice.root), { code: 'ERR_SFT_FILE' })
  const faults: unknown[] = []
  const unwritable = t.testdir({})
  const revocations = await openRevocations(unwritable, alice.root, { onFault: error => faults.push(error) })
  writeFileSync(join(unwritable, 'lists'), '')
  t.match(await revocations.learn(...pair(signList(organisation, 1))), { news: true })
  t.match(faults, [{ code: 'ERR_SFT_FILE' }])
  t.equal(verifyMember({ ...alice, revocations }, bob.chain).name, 'bob')
})

function pair({ der, issuer }: ReturnType<typeof signList>): [Uint8Array, Uint8Array] {
  return [der, issuer]
}
