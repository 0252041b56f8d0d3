import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { classicLogin } from '../../../src/auth/classic/login.ts'
import { openLogin, parseLogin } from '../../../src/auth/classic/login-message.ts'
import { startAuthServer } from '../../fixtures/auth-server.ts'
import { makeClassicSystem } from '../../fixtures/classic.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const system = await makeClassicSystem()
const root = system.certificate
const key = await testKey()

/** An auth server that answers as it likes. */
async function fake(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const login = (url: string, more = {}) =>
  classicLogin({ url, alias: 'user1', password: Buffer.from('password1'), key, root, ...more })

t.test('asks as the classic client does, and keeps what verifies', async t => {
  const { pem } = await system.issue('user1', { key })
  let seen = {}
  const url = await fake(t, async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
    const parsed = parseLogin(body)
    seen = { method: request.method, url: request.url, login: parsed && openLogin(system.privateKey, parsed.payload) }
    response.end(pem)
  })
  const identity = await login(url)
  t.same(seen, { method: 'POST', url: '/verify', login: { name: 'user1', password: 'password1' } })
  t.equal(identity.alias, 'user1')
  t.ok(Buffer.from(identity.pem).equals(pem))
})

t.test('M146, A26: an answer that is not the own certificate is refused', async t => {
  const stranger = await makeClassicSystem()
  const answers: Record<string, [Buffer, string]> = {
    'of another name': [(await system.issue('user2', { key })).pem, 'ERR_SFT_CERT_NAME'],
    'of another key': [(await system.issue('user1')).pem, 'ERR_SFT_CERT_NAME'],
    'of another root': [(await stranger.issue('user1', { key })).pem, 'ERR_SFT_CERT_UNTRUSTED'],
    'that is over': [(await system.issue('user1', { key, ttl: -1e9 })).pem, 'ERR_SFT_CERT_EXPIRED'],
    'that is none': [Buffer.from('welcome'), 'ERR_SFT_CERT_INVALID'],
    'that is nothing': [Buffer.alloc(0), 'ERR_SFT_CERT_INVALID'],
    'that does not end': [Buffer.alloc(100_000, 'x'), 'ERR_SFT_LIMIT']
  }
  for (const [what, [text, code]] of Object.entries(answers)) {
    const url = await fake(t, (_, response) => response.end(text))
    await t.rejects(login(url), { code }, what)
  }
})

t.test('refusals', async t => {
  for (const [status, code] of [
    [401, 'ERR_SFT_LOGIN_REFUSED'],
    [400, 'ERR_SFT_PROTOCOL'],
    [404, 'ERR_SFT_PROTOCOL'],
    [429, 'ERR_SFT_BUSY'],
    [503, 'ERR_SFT_BUSY']
  ] as const) {
    const url = await fake(t, (_, response) => response.writeHead(status).end())
    await t.rejects(login(url), { code }, String(status))
  }
  await t.rejects(login('http://127.0.0.1:1'), {
    code: 'ERR_SFT_CONNECT',
    message: 'can not reach the classic auth server on 127.0.0.1:1 (ECONNREFUSED)'
  })
  await t.rejects(login('https://127.0.0.1:1'), { code: 'ERR_SFT_USAGE' })
  await t.rejects(login('nowhere'), { code: 'ERR_SFT_USAGE' })
  await t.rejects(login('http://127.0.0.1:1', { alias: '..' }), { code: 'ERR_SFT_USAGE' })
  const url = await fake(t, request => request.socket.destroy())
  await t.rejects(login(url), { code: 'ERR_SFT_CONNECT', message: /does not speak HTTP/, hint: /sft auth serve/ })
})

t.test('the auth server of native peers, which has the same port, is told from one that is not there', async t => {
  const { server, close } = await startAuthServer(t.testdir())
  t.teardown(close)
  const { host } = new URL(server.url)
  await t.rejects(login(`http://${host}`), {
    code: 'ERR_SFT_CONNECT',
    message: `who listens on ${host} does not speak HTTP (ECONNRESET)`
  })
})

t.test('A28: a server that does not answer is not waited for', async t => {
  const url = await fake(t, () => {})
  const abort = new AbortController()
  const waiting = login(url, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await t.rejects(waiting, { message: 'enough' })
  await t.rejects(login(url, { timeout: 50 }), { code: 'ERR_SFT_TIMEOUT' })
})
