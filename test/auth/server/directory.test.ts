import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { serialOf } from '../../../src/auth/authority/store/entry.ts'
import { requestAuth } from '../../../src/auth/client/auth-client.ts'
import { keepAnnounced, listServing, locatePeer } from '../../../src/auth/client/directory-client.ts'
import { login } from '../../../src/auth/client/login.ts'
import type { Identity } from '../../../src/auth/identity/identity.ts'
import { Revocations } from '../../../src/auth/identity/revocations.ts'
import { exportChannel } from '../../../src/auth/server/channel.ts'
import { proveMembership } from '../../../src/auth/server/membership.ts'
import { PASSWORD, startAuthServer } from '../../fixtures/auth-server.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const service = await startAuthServer(t.testdir(), { limits: { perAccount: 1000, perSource: 1000 } })
t.teardown(() => service.close())
const { authority, server, store } = service
const { url } = server
await store.users.setDisabled('bob', false)
const enter = (name: string) => login({ url, name, password: PASSWORD, trust: { root: authority.root }, bits: 2048 })
const [alice, bob] = await Promise.all([enter('alice'), enter('bob')])

const post = (makeBody: (exporter: string) => object | Promise<object>) =>
  requestAuth(
    { url: new URL(url), root: authority.root },
    {
      method: 'POST',
      path: '/v2/directory',
      makeBody: async socket => Buffer.from(JSON.stringify(await makeBody(exportChannel(socket))))
    }
  )
const asking = async (identity: Identity, exporter: string, question: object) => ({
  ...(await proveMembership(identity, exporter)),
  ...question
})

/** Announces bob until the test ends, and waits until it is known. */
async function announced(kind: 'serve' | 'receive', host: string | undefined, port: number) {
  const stop = new AbortController()
  const ended = keepAnnounced(() => bob, { url, kind, host, port, signal: stop.signal })
  while (!(await listServing(alice, { url })).some(each => each.port === port)) await delay(10)
  return async () => {
    stop.abort()
    await ended
  }
}

t.test('a member finds another by name: the certificate, and where he listens', async t => {
  const withdraw = await announced('serve', undefined, 4001)
  const alsoWithdraw = await announced('receive', 'files.example.org', 4002)
  const { peer, serving } = await locatePeer(alice, 'bob', { url })
  t.equal(peer.name, 'bob')
  t.ok(peer.publicKey.equals(bob.publicKey))
  t.strictSame(serving, [
    { name: 'bob', kind: 'receive', host: 'files.example.org', port: 4002 },
    { name: 'bob', kind: 'serve', host: '127.0.0.1', port: 4001 }
  ])
  t.strictSame(await listServing(alice, { url }), serving)
  t.strictSame((await locatePeer(bob, 'alice', { url })).serving, [])
  await withdraw()
  await alsoWithdraw()
  t.strictSame((await locatePeer(alice, 'bob', { url })).serving, [], 'whoever stops listening takes it back')
})

t.test('an announcement is over by itself, and a new one takes the place of the old', async t => {
  const entry = { name: 'bob', kind: 'serve', host: 'a', port: 1, until: new Date(Date.now() - 1) } as const
  await store.presence.announce(entry)
  t.strictSame(await listServing(alice, { url }), [])
  await store.presence.announce({ ...entry, host: 'b', until: new Date(Date.now() + 60_000) })
  t.match(await listServing(alice, { url }), [{ host: 'b' }])
  await store.presence.withdraw('bob', 'serve')
})

t.test('nobody of this name is one error, whatever the reason', async t => {
  const unknown = { code: 'ERR_SFT_UNKNOWN_PEER' }
  await t.rejects(locatePeer(alice, 'nobody', { url }), unknown)
  await t.rejects(locatePeer(alice, 'No Name', { url }), unknown)
  await store.users.add('fresh', 'hash')
  await t.rejects(locatePeer(alice, 'fresh', { url }), unknown, 'who has never logged in')
  await store.users.setDisabled('bob', true)
  await t.rejects(locatePeer(alice, 'bob', { url }), unknown, 'who is disabled')
  await t.rejects(locatePeer(bob, 'alice', { url }), { code: 'ERR_SFT_LOGIN_REFUSED' }, 'and who may not ask')
  await store.users.setDisabled('bob', false)
})

t.test('M57: only a member is answered, on the channel of the proof', async t => {
  const stranger = await (await makeOrganisation({ org: 'example.org' })).issue('alice')
  const question = { ask: 'lookup', name: 'bob' }
  t.equal((await post(exporter => asking(alice, exporter, question))).status, 200)
  const another = Buffer.alloc(32).toString('base64')
  for (const [title, body] of [
    ['another channel', () => asking(alice, another, question)],
    ['another organisation', (exporter: string) => asking(stranger, exporter, question)],
    ['another key', (exporter: string) => asking({ ...alice, privateKey: bob.privateKey }, exporter, question)],
    ['no signature', async (exporter: string) => ({ ...(await asking(alice, exporter, question)), proof: '' })],
    ['no chain', async (exporter: string) => ({ ...(await asking(alice, exporter, question)), chain: 'x' })]
  ] as const)
    t.match(await post(body), { status: 401, body: Buffer.from('{"error":"refused"}') }, title)
  const revoked = await enter('alice')
  await store.certificates.revoke(serialOf(revoked.chain[0] as Uint8Array), 'superseded')
  t.equal((await post(exporter => asking(revoked, exporter, question))).status, 401, 'a certificate that is revoked')
})

t.test('what is no question is refused, and so is an address that nobody could mean', async t => {
  for (const question of [
    {},
    { ask: 'x' },
    { ask: 'lookup' },
    { ask: 'lookup', name: '../x' },
    { ask: 'announce', kind: 'x', port: 1 },
    { ask: 'announce', kind: 'serve', port: 0 },
    { ask: 'announce', kind: 'serve', port: 65536 },
    { ask: 'announce', kind: 'serve', port: '1' },
    { ask: 'announce', kind: 'serve', port: 1, host: 'a b' },
    { ask: 'announce', kind: 'serve', port: 1, host: '\u001b[2J' },
    { ask: 'announce', kind: 'serve', port: 1, host: 'x'.repeat(254) }
  ])
    t.equal((await post(exporter => asking(bob, exporter, question))).status, 400, JSON.stringify(question))
  for (const body of [null, [], 'x', { chain: 1, proof: 2, ask: 'list' }])
    t.equal((await post(() => body as object)).status, 400, JSON.stringify(body))
})

t.test('what the directory says is checked: it can not pass somebody else off as bob', async t => {
  const genuine = await store.certificates.list({ name: 'alice', activeAt: new Date() })
  const list = store.certificates.list
  Object.assign(store.certificates, { list: async () => genuine.filter(({ revoked }) => !revoked) })
  t.teardown(() => Object.assign(store.certificates, { list }))
  await t.rejects(locatePeer(alice, 'bob', { url }), { code: 'ERR_SFT_CERT_NAME' })
  Object.assign(store.certificates, { list })
  const knowing = { ...alice, revocations: new Revocations(alice.root) }
  await t.rejects(locatePeer(knowing, 'bob', { url }), { code: 'ERR_SFT_CRL' }, 'nor without a revocation list')
})
