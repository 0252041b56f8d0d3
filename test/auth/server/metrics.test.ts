import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import t from 'tap'
import { login } from '../../../src/auth/client/login.ts'
import { renew } from '../../../src/auth/client/renewal.ts'
import { PASSWORD, startAuthServer } from '../../fixtures/auth-server.ts'

const figures = { host: '127.0.0.1', port: 0 }

/** The samples of a scrape by name and labels. */
async function scrape(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(url)).text()
  const samples = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(samples.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

t.test('counts what happens, says when CAs end, and names nobody', async t => {
  const { server, authority, close } = await startAuthServer(t.testdir(), { metrics: figures })
  t.teardown(close)
  const url = server.metricsUrl as string
  const attempt = (type: string, result: string): string => `sft_auth_attempts_total{type="${type}",result="${result}"}`
  t.match(await scrape(url), { [attempt('login', 'issued')]: 0, [attempt('enrolment', 'refused')]: 0 })
  const options = { url: server.url, name: 'alice', trust: { root: authority.root }, bits: 2048 }
  const alice = await login({ ...options, password: PASSWORD })
  await t.rejects(login({ ...options, password: Buffer.from('wrong') }))
  await renew(alice, { url: server.url })
  const samples = await scrape(url)
  t.match(samples, {
    [attempt('login', 'issued')]: 1,
    [attempt('login', 'refused')]: 1,
    [attempt('renewal', 'issued')]: 1,
    sft_auth_faults_total: 0,
    sft_auth_crl_number: 1,
    sft_auth_root_expiry_days: 3649,
    sft_auth_issuing_expiry_days: 1824
  })
  t.ok((samples.sft_auth_crl_bytes ?? 0) > 100)
  const response = await fetch(url)
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  t.notMatch(await response.text(), /alice|127\.0\.0\.1/)
  t.equal((await fetch(url.replace('metrics', 'other'))).status, 404)
  t.equal((await fetch(url, { method: 'POST' })).status, 404)
  t.equal((await fetch(url.replace('metrics', ''))).status, 404, 'and nothing of the auth server is there')
})

t.test('an address that can not be had ends the server before it begins; without one there are none', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  await t.rejects(startAuthServer(t.testdir(), { metrics: { ...figures, port } }), { code: 'ERR_SFT_CONNECT' })
  const { server, close } = await startAuthServer(t.testdir())
  t.equal(server.metricsUrl, undefined)
  await close()
})
