import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  type ClassicAuthEvent,
  type ClassicAuthOptions,
  isLoopback,
  serveClassicAuth
} from '../../../src/auth/classic/auth-server.ts'
import { verifyClassicCertificate } from '../../../src/auth/classic/certificate.ts'
import { encodeLogin } from '../../../src/auth/classic/login-message.ts'
import { openSeenLogins } from '../../../src/auth/classic/seen-payloads.ts'
import { classicUsers, withDemoUsers } from '../../../src/auth/classic/users.ts'
import type { AuditEvent } from '../../../src/auth/identity/audit-chain.ts'
import { MINIMUM_COST, passwordHasher } from '../../../src/auth/server/password.ts'
import { makeClassicSystem } from '../../fixtures/classic.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const system = await makeClassicSystem()
const root = system.certificate
const own = await testKey()
const hasher = passwordHasher({ cost: MINIMUM_COST })

async function serve(t: Test, options: Partial<ClassicAuthOptions> = {}) {
  const directory = t.testdir()
  const seen = await openSeenLogins(join(directory, 'logins'), 60_000)
  const users = await withDemoUsers(classicUsers(directory), hasher)
  const events: ClassicAuthEvent[] = []
  const audited: AuditEvent[] = []
  const audit = { append: async (event: AuditEvent) => void audited.push(event) }
  const logger = (event: ClassicAuthEvent) => void events.push(event)
  const server = await serveClassicAuth({ authority: system, users, seen, hasher, logger, audit, port: 0, ...options })
  t.teardown(async () => {
    await server.close()
    await seen[Symbol.asyncDispose]()
  })
  const post = (body: string, path = '/verify', method = 'POST') =>
    fetch(`${server.url}${path}`, { method, ...(method === 'POST' && { body }) })
  return { server, post, events, audited, seen }
}

const body = (name: string, password: string, publicKey = own.publicKey) =>
  encodeLogin(root.publicKey, { name, password, publicKey })

t.test('answers as the classic auth server does', async t => {
  const { post, events } = await serve(t)
  const issued = await post(body('user1', 'password1'))
  t.equal(issued.status, 200)
  t.equal(issued.headers.get('content-type'), 'text/plain; charset=utf-8')
  const pem = Buffer.from(await issued.arrayBuffer())
  const { alias, publicKey } = verifyClassicCertificate(pem, { root })
  t.equal(alias, 'user1')
  t.ok(publicKey.equals(own.publicKey))
  const statusOf = async (text: string, path?: string, method?: string) => (await post(text, path, method)).status
  t.equal(await statusOf(body('user1', 'password2')), 401)
  t.equal(await statusOf(body('user3', 'password3')), 401)
  t.equal(await statusOf(body('../user1', 'password1')), 401)
  t.equal(
    await statusOf(encodeLogin(own.publicKey, { name: 'user1', password: 'password1', publicKey: own.publicKey })),
    401,
    'sealed for another root'
  )
  t.equal(await statusOf('{}'), 400)
  t.equal(await statusOf(''), 400)
  t.equal(await statusOf(JSON.stringify({ payload: 'AAAA' })), 400)
  t.equal(await statusOf('x'.repeat(20_000)), 400)
  t.equal(await statusOf(body('user1', 'password1'), '/'), 404)
  t.equal(await statusOf(body('user1', 'password1'), '/v2/login'), 404)
  t.equal(await statusOf('', '/verify', 'GET'), 404)
  t.match(events, [
    { result: 'issued', name: 'user1', source: '127.0.0.1' },
    { result: 'refused', reason: 'password', name: 'user1' },
    { result: 'refused', reason: 'password', name: 'user3' },
    { result: 'refused', reason: 'password' },
    { result: 'refused', reason: 'payload' }
  ])
  t.notMatch(JSON.stringify(events), /password\d/)
})

t.test('M144, A1: a login that was recorded is 401 and an alert, whatever key comes with it', async t => {
  const { post, events, audited, seen } = await serve(t)
  const recorded = body('user1', 'password1')
  t.equal((await post(recorded)).status, 200)
  const mallory = await testKey()
  const { public_key } = JSON.parse(body('user1', 'x', mallory.publicKey))
  const replayed = JSON.stringify({ ...JSON.parse(recorded), public_key })
  for (const again of [replayed, recorded]) t.equal((await post(again)).status, 401)
  t.match(events.slice(1), [
    { reason: 'replay', alert: true, name: 'user1' },
    { reason: 'replay', alert: true }
  ])
  t.match(audited, [{ type: 'classic.login', result: 'issued' }, { reason: 'replay', alert: true }, { alert: true }])
  t.equal((await post(body('user1', 'password1'))).status, 200, 'whoever knows the password comes in')
  t.ok(seen.has(Buffer.from(JSON.parse(recorded).payload, 'base64')))
})

t.test('of the same payload many times at once, one is answered', async t => {
  const { post } = await serve(t)
  const recorded = body('user2', 'password2')
  const answers = await Promise.all(Array.from({ length: 5 }, async () => (await post(recorded)).status))
  t.same(answers.sort(), [200, 401, 401, 401, 401])
})

t.test('M145: guesses are counted, by alias and by source', async t => {
  const { post } = await serve(t, { limits: { perAlias: 2, perSource: 5 } })
  const status = async (name: string) => (await post(body(name, 'guess'))).status
  t.same([await status('user1'), await status('user1'), await status('user1')], [401, 401, 429])
  t.same([await status('user2'), await status('user3'), await status('user4')], [401, 401, 429])
})

t.test('without a line in the audit there is no certificate', async t => {
  const audit = { append: async () => Promise.reject(new Error('the disk is full')) }
  const { post, events } = await serve(t, { audit })
  const answer = await post(body('user1', 'password1'))
  t.equal(answer.status, 500)
  t.equal(await answer.text(), '')
  t.match(events.at(-1), { type: 'fault' })
})

t.test('A27: connections that say nothing do not keep others out, and end', async t => {
  const { server, post } = await serve(t)
  const idle = Array.from({ length: 40 }, () => connect({ host: '127.0.0.1', port: server.port }).on('error', () => {}))
  await Promise.all(idle.map(socket => once(socket, 'connect')))
  t.equal((await post(body('user1', 'password1'))).status, 200)
  const ended = idle.map(socket => once(socket.resume(), 'close'))
  await Promise.all(ended)
  t.pass('all were ended by the server')
})

t.test('an address that can not be had', async t => {
  const { server } = await serve(t)
  await t.rejects(serve(t, { port: server.port }), { code: 'ERR_SFT_CONNECT' })
})

t.test('M151: what is loopback', t => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) t.ok(isLoopback(host))
  for (const host of ['0.0.0.0', '::', '128.0.0.1', '127.0.0.1.example.org', '10.0.0.1']) t.notOk(isLoopback(host))
  t.end()
})
