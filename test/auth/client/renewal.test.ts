import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { entryOf, serialOf as serialOfLeaf } from '../../../src/auth/authority/store/entry.ts'
import { createRequest } from '../../../src/auth/certificates/certificate.ts'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { requestAuth } from '../../../src/auth/client/auth-client.ts'
import { login } from '../../../src/auth/client/login.ts'
import { renew } from '../../../src/auth/client/renewal.ts'
import type { Identity } from '../../../src/auth/identity/identity.ts'
import { exportChannel } from '../../../src/auth/server/channel.ts'
import type { AuthEvent } from '../../../src/auth/server/events.ts'
import { PASSWORD, startAuthServer } from '../../fixtures/auth-server.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const service = await startAuthServer(t.testdir(), { limits: { perAccount: 1000, perSource: 1000 } })
t.teardown(() => service.close())
const { authority, server, store, events } = service
const { url } = server
const other = await testKey()

const enter = (name = 'alice') => login({ url, name, password: PASSWORD, trust: { root: authority.root }, bits: 2048 })
const serialOf = ({ chain }: Identity): string => serialOfLeaf(chain[0] as Uint8Array)

/** Why the latest renewal ended as it did, from the server's own log. */
const latest = (): Extract<AuthEvent, { type: 'renewal' }> =>
  events.filter(event => event.type === 'renewal').at(-1) as Extract<AuthEvent, { type: 'renewal' }>

/** A certificate of this life, on the books. */
async function issued(notAfter: Date): Promise<Identity> {
  const identity = await enter()
  const ttl = Math.max(1, notAfter.getTime() - Date.now())
  const chain = authority.issueLeaf(identity.publicKey, 'alice', ttl)
  await store.certificates.add(entryOf(chain, 'alice'))
  return { ...identity, chain }
}

t.test('M48: a new certificate for the same key, without a password, and on the books', async t => {
  const identity = await enter()
  await delay(1100)
  const renewed = await renew(identity, { url })
  t.not(serialOf(renewed), serialOf(identity))
  t.ok(renewed.publicKey.equals(identity.publicKey))
  t.match(await store.certificates.get(serialOf(renewed)), { name: 'alice' })
  t.match(latest(), { result: 'issued', name: 'alice' })
  await renew(renewed, { url })
})

t.test('M48: one that has just ended is renewed still', async t => {
  const identity = await issued(new Date(Date.now() + 1000))
  await delay(1500)
  await renew(identity, { url })
  t.match(latest(), { result: 'issued' })
})

t.test('A3: every other condition is refused alike, and told apart in the log only', async t => {
  const identity = await enter()
  const stranger = await makeOrganisation({ org: 'example.org' })
  const send = (body: (challenge: string) => object) =>
    requestAuth(
      { url: new URL(url), root: authority.root },
      {
        method: 'POST',
        path: '/v2/renew',
        makeBody: socket => Buffer.from(JSON.stringify(body(exportChannel(socket))))
      }
    )
  const chain = encodeCertificates(identity.chain)
  const cases: Record<string, (challenge: string) => object> = {
    'another key': challenge => ({ chain, request: createRequest('alice', other, challenge) }),
    replay: () => ({ chain, request: createRequest('alice', identity, 'of yesterday') }),
    'another name': challenge => ({ chain, request: createRequest('bob', identity, challenge) }),
    malformed: challenge => ({ chain: 'none', request: createRequest('alice', identity, challenge) })
  }
  for (const [reason, body] of Object.entries(cases)) {
    const { status, body: answer } = await send(body)
    t.equal(status, 401, reason)
    t.equal(answer.toString(), '{"error":"refused"}')
    t.match(latest(), { result: 'refused', reason })
  }
  const forged = await stranger.issue('alice')
  await t.rejects(renew({ ...forged, root: authority.root }, { url }), { code: 'ERR_SFT_LOGIN_REFUSED' })
  t.match(latest(), { reason: 'untrusted', name: undefined })
  for (const body of [{}, { chain }, { chain, request: 5 }, []]) t.equal((await send(() => body)).status, 400)
})

t.test('A21: what the books speak against is not renewed', async t => {
  const refused = async (identity: Identity, reason: string) => {
    await t.rejects(renew(identity, { url }), { code: 'ERR_SFT_LOGIN_REFUSED', hint: /sft login alice/ }, reason)
    t.match(latest(), { result: 'refused', reason })
  }
  const unknown = await enter()
  await refused({ ...unknown, chain: authority.issueLeaf(unknown.publicKey, 'alice') }, 'not on the books')
  const revoked = await enter()
  await store.certificates.revoke(serialOf(revoked), 'keyCompromise')
  await refused(revoked, 'revoked')
  const held = await enter()
  await store.users.setDisabled('alice', true)
  await refused(held, 'revoked')
  await store.users.setDisabled('alice', false)
  await renew(held, { url })
  await store.users.remove('alice')
  await refused(held, 'revoked')
})

t.test('renewals of one holder have a limit', async t => {
  const narrow = await startAuthServer(t.testdir(), { limits: { perAccount: 2 } })
  t.teardown(() => narrow.close())
  const identity = await login({
    url: narrow.server.url,
    name: 'alice',
    password: PASSWORD,
    trust: { root: narrow.authority.root },
    bits: 2048
  })
  for (let i = 0; i < 2; i++) await renew(identity, { url: narrow.server.url })
  await t.rejects(renew(identity, { url: narrow.server.url }), { code: 'ERR_SFT_LOGIN_REFUSED', hint: /wait/ })
})
