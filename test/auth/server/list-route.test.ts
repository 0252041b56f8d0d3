import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { serialOf } from '../../../src/auth/authority/store/entry.ts'
import { readCrl } from '../../../src/auth/certificates/crl.ts'
import { requestAuth } from '../../../src/auth/client/auth-client.ts'
import { login } from '../../../src/auth/client/login.ts'
import { PASSWORD, startAuthServer } from '../../fixtures/auth-server.ts'

const service = await startAuthServer(t.testdir())
t.teardown(() => service.close())
const { authority, server, store } = service
const connection = { url: new URL(server.url), root: authority.root }
const get = (query = '', headers = {}) => requestAuth(connection, { method: 'GET', path: `/v2/crl${query}`, headers })

/** Logs alice in; the serial number of the certificate. */
async function issue(): Promise<string> {
  const { chain } = await login({
    url: server.url,
    name: 'alice',
    password: PASSWORD,
    trust: { root: authority.root },
    bits: 2048
  })
  return serialOf(chain[0] as Uint8Array)
}

t.test('the list is served as it was signed, with its number as tag', async t => {
  const { status, body, headers } = await get()
  t.equal(status, 200)
  t.match(headers, { 'content-type': 'application/pkix-crl', etag: /^"\d+"$/ })
  const { number } = readCrl(body, authority.issuing)
  t.equal(headers.etag, `"${number}"`)
  const same = await get('', { 'if-none-match': `"${number}"` })
  t.equal(same.status, 304)
  t.equal(same.body.byteLength, 0)
})

t.test('a long poll is answered when a certificate is revoked', async t => {
  const serial = await issue()
  const { number } = readCrl((await get()).body, authority.issuing)
  const waiting = get(`?after=${number}&wait=30`)
  await delay(50)
  await store.certificates.revoke(serial, 'keyCompromise')
  const { status, body } = await waiting
  t.equal(status, 200)
  const list = readCrl(body, authority.issuing)
  t.ok(list.number > number)
  t.match(list.entries, [{ serial, reason: 'keyCompromise' }])
  t.equal((await get(`?after=${list.number}`)).status, 304, 'no wait, no news')
})

t.test('what is no question of this kind is refused', async t => {
  for (const query of ['?after=-1', '?after=x', '?wait=51', '?after=1&after=2', '?after=99999999999', '?wait=1.5'])
    t.equal((await get(query)).status, 400, query)
})

t.test('every certificate that is handed out is on the books', async t => {
  const serial = await issue()
  t.match(await store.certificates.get(serial), { serial, name: 'alice' })
  t.match(await store.certificates.list({ name: 'alice' }), [{ serial }])
})
