import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createRequest } from '../../../src/auth/certificates/certificate.ts'
import { verifyPath } from '../../../src/auth/certificates/path.ts'
import { decodeCertificate, decodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { MINIMUM_COST, passwordHasher } from '../../../src/auth/server/password.ts'
import { serveAuthority } from '../../../src/auth/server/server.ts'
import {
  type Answer,
  connectTls,
  exchange,
  PASSWORD,
  startAuthServer,
  type TestAuthServer
} from '../../fixtures/auth-server.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const key = await testKey()
const mallory = await testKey()
const password = PASSWORD.toString()
const unlimited = { perAccount: 1000, perSource: 1000 }

const service = await startAuthServer(t.testdir(), { limits: unlimited })
const { authority, computations, events } = service
const { root, org } = authority
const { url } = service.server
t.teardown(() => service.close())

function post(makeBody: (challenge: string) => unknown, to: TestAuthServer = service): Promise<Answer> {
  return exchange({ url: to.server.url, root: to.authority.root }, challenge => JSON.stringify(makeBody(challenge)))
}

function honest(name = 'alice', to: TestAuthServer = service): Promise<Answer> {
  return post(challenge => ({ name, password, request: createRequest(name, key, challenge) }), to)
}

t.test('certifies the key of who knows the password', async t => {
  const { status, body } = await honest()
  t.equal(status, 200)
  const chain = decodeCertificates(JSON.parse(body).chain.join('\n'))
  const peer = verifyPath(chain, { root, org, name: 'alice' })
  t.ok(peer.publicKey.equals(key.publicKey))
  t.match(events.at(-1), { type: 'login', result: 'issued', name: 'alice', source: '127.0.0.1' })
})

t.test('A22, M13, M14: every refusal is the same answer after the same one computation', async t => {
  const request = (challenge: string): string => createRequest('alice', key, challenge)
  const other = 'A'.repeat(43)
  const refusals: Record<string, (challenge: string) => Record<string, unknown>> = {
    'unknown user': c => ({ name: 'nobody', password, request: createRequest('nobody', key, c) }),
    'wrong password': c => ({ name: 'alice', password: 'wrong', request: request(c) }),
    disabled: c => ({ name: 'bob', password, request: createRequest('bob', key, c) }),
    'malformed request': () => ({ name: 'alice', password, request: 'x' }),
    replay: () => ({ name: 'alice', password, request: request(`${other}=`) }),
    'another name': c => ({ name: 'alice', password, request: createRequest('bob', key, c) })
  }
  computations.length = 0
  await honest()
  const [usual] = costs()
  const answers: unknown[] = []
  for (const [reason, makeBody] of Object.entries(refusals)) {
    computations.length = 0
    const { status, body, headers } = await post(makeBody)
    t.match(events.at(-1), { result: 'refused', reason }, reason)
    t.strictSame(costs(), [usual], `${reason}: one computation of the same cost`)
    answers.push({ status, body, headers: { ...headers, date: '' } })
  }
  t.match(answers[0], { status: 401, body: '{"error":"refused"}' })
  for (const answer of answers) t.strictSame(answer, answers[0])

  function costs(): unknown[] {
    return computations.map(({ memory, passes, parallelism, tagLength }) => [memory, passes, parallelism, tagLength])
  }
})

t.test('A3: a request that its key has not signed is refused', async t => {
  const stolen = { publicKey: key.publicKey, privateKey: mallory.privateKey }
  const { status } = await post(c => ({ name: 'alice', password, request: createRequest('alice', stolen, c) }))
  t.equal(status, 401)
  t.match(events.at(-1), { reason: 'malformed request' })
})

t.test('A1: a login that was recorded is worth nothing on another connection', async t => {
  let recorded = ''
  await post(challenge => {
    const body = { name: 'alice', password, request: createRequest('alice', key, challenge) }
    recorded = JSON.stringify(body)
    return body
  })
  t.match(events.at(-1), { result: 'issued' })
  const replay = await exchange({ url, root }, () => recorded)
  t.equal(replay.status, 401)
  t.match(events.at(-1), { reason: 'replay' })
  const { request } = JSON.parse(recorded)
  const challenge = Buffer.from(request.replace(/-----.*-----/g, ''), 'base64')
    .toString('latin1')
    .match(/[\w+/]{43}=/)?.[0]
  const exchanged = await post(() => ({
    name: 'alice',
    password,
    request: createRequest('alice', mallory, challenge ?? '')
  }))
  t.equal(exchanged.status, 401, 'with another key in its place')
  t.match(events.at(-1), { reason: 'replay' })
})

t.test('a body that is no login costs no computation', async t => {
  computations.length = 0
  const bodies: unknown[] = [
    null,
    1,
    'x',
    [],
    {},
    { name: 'alice', password },
    { name: 'alice', request: 'x' },
    { name: 1, password, request: 'x' },
    { name: 'alice', password: 1, request: 'x' },
    { name: 'alice', password, request: {} },
    { name: 'Alice', password, request: 'x' },
    { name: 'alice', password: '', request: 'x' },
    { name: 'alice', password: 'x'.repeat(1025), request: 'x' },
    { name: ['alice'], password, request: 'x' }
  ]
  for (const body of bodies) {
    const answer = await post(() => body)
    t.match(answer, { status: 400, body: '{"error":"bad request"}' }, JSON.stringify(body)?.slice(0, 40))
  }
  for (const text of ['', '{', '{"__proto__":{"name":"alice"}}', '\0'])
    t.match(
      await exchange({ url, root }, () => text),
      { status: 400, body: '{"error":"bad request"}' },
      JSON.stringify(text)
    )
  const large = await exchange({ url, root }, () =>
    JSON.stringify({ name: 'alice', password, request: 'x'.repeat(33 * 1024) })
  )
  t.equal(large.status, 413)
  const form = await exchange({ url, root, headers: { 'content-type': 'text/html' } }, () => 'x')
  t.equal(form.status, 415)
  t.equal(computations.length, 0)
})

t.test('its other routes', async t => {
  const get = (path: string, method = 'GET'): Promise<Answer> => exchange({ url, root, path, method }, () => '{}')
  t.match(await get('/healthz'), { status: 200, body: '{"status":"ok"}' })
  const { body } = await get('/v2/root')
  t.ok(decodeCertificate(body).raw.equals(root.raw))
  t.notMatch(body, /PRIVATE KEY/)
  for (const path of ['/', '/v2/login', '/v2/users', '/v2/root/../login', '/%00'])
    t.match(await get(path), { status: 404, body: '{"error":"not found"}' }, path)
})

t.test('speaks TLS 1.3 and nothing older', async t => {
  const socket = await connectTls(url, root)
  t.equal(socket.getProtocol(), 'TLSv1.3')
  socket.destroy()
  await t.rejects(connectTls(url, root, 'TLSv1.2'), { code: /PROTOCOL_VERSION/ })
})

t.test('10 attempts a minute per account, known or not', async t => {
  const limited = await startAuthServer(t.testdir(), { limits: { perSource: 1000 } })
  t.teardown(() => limited.close())
  for (const name of ['alice', 'nobody']) {
    limited.computations.length = 0
    const guess = (): Promise<Answer> => post(() => ({ name, password: 'wrong', request: 'x' }), limited)
    for (let i = 0; i < 10; i++) t.equal((await guess()).status, 401, `${name} ${i}`)
    t.match(await guess(), { status: 429, headers: { 'retry-after': '60' } })
    t.match(await honest(name, limited), { status: 429 }, 'the right password too')
    t.equal(limited.computations.length, 10)
  }
  t.match(limited.events.at(-1), { result: 'limited', name: 'nobody' })
})

t.test('A23, M51: strangers get ten guesses a minute at an account, and its owner gets in all the same', async t => {
  const guessed = await startAuthServer(t.testdir())
  t.teardown(() => guessed.close())
  const { server, authority, computations } = guessed
  const at = { url: server.url, root: authority.root }
  const enter = (from: string) =>
    exchange({ ...at, from }, challenge =>
      JSON.stringify({ name: 'alice', password, request: createRequest('alice', key, challenge) })
    )
  t.match(await enter('127.0.0.1'), { status: 200 })
  computations.length = 0
  const guesses = Array.from({ length: 300 }, (_, i) =>
    exchange({ ...at, from: `127.0.1.${1 + (i % 30)}` }, () =>
      JSON.stringify({ name: 'alice', password: `guess ${i}`, request: 'x' })
    )
  )
  const statuses = (await Promise.all(guesses)).map(({ status }) => status)
  // the tenth was the owner's first, from a network that was not known then
  t.equal(statuses.filter(status => status === 401).length, 9)
  t.equal(computations.length, 9, 'evaluated')
  t.match(await enter('127.0.2.1'), { status: 429 }, 'from a network that nobody knows')
  t.match(await enter('127.0.0.1'), { status: 200 }, 'from one where the user has been')
})

t.test('M51: ten failures in a row shut out a network, and no other', async t => {
  const service = await startAuthServer(t.testdir(), { limits: unlimited })
  t.teardown(() => service.close())
  const at = { url: service.server.url, root: service.authority.root }
  const guess = (from: string, guessed: string) =>
    exchange({ ...at, from }, challenge =>
      JSON.stringify({ name: 'alice', password: guessed, request: createRequest('alice', key, challenge) })
    )
  for (let i = 0; i < 9; i++) t.match(await guess('127.0.0.9', 'wrong'), { status: 401 })
  t.match(await guess('127.0.0.9', password), { status: 200 }, 'a success forgets the failures')
  for (let i = 0; i < 10; i++) t.match(await guess('127.0.0.9', 'wrong'), { status: 401 })
  t.match(await guess('127.0.0.9', password), { status: 429 }, 'locked')
  t.match(await guess('127.0.0.8', password), { status: 200 }, 'another network')
  t.match(service.events.at(-2), { result: 'limited', source: '127.0.0.9' })
})

t.test('M51: two servers of one store are no second chance', async t => {
  const one = await startAuthServer(t.testdir(), { limits: { perSource: 1000 } })
  t.teardown(() => one.close())
  const { authority, store, computations } = one
  const hasher = passwordHasher({ cost: MINIMUM_COST })
  await using two = await serveAuthority({ authority, store, port: 0, hasher, limits: { perSource: 1000 } })
  const guess = ({ url }: { url: string }, guessed: string) =>
    exchange({ url, root: authority.root }, challenge =>
      JSON.stringify({ name: 'alice', password: guessed, request: createRequest('alice', key, challenge) })
    )
  for (let i = 0; i < 5; i++) t.match(await guess(one.server, `guess ${i}`), { status: 401 })
  for (let i = 0; i < 5; i++) t.match(await guess(two, `other ${i}`), { status: 401 })
  t.match(await guess(one.server, password), { status: 429 })
  t.match(await guess(two, password), { status: 429 })
  t.equal(computations.length, 5)
})

t.test('30 attempts a minute per source', async t => {
  const limited = await startAuthServer(t.testdir())
  t.teardown(() => limited.close())
  const statuses: number[] = []
  for (let i = 0; i < 32; i++)
    statuses.push((await post(() => ({ name: `user${i}`, password, request: 'x' }), limited)).status)
  t.strictSame(statuses, [...Array(30).fill(401), 429, 429])
  t.equal(limited.computations.length, 30)
})

t.test('M16: when the queue is full the answer is 503', async t => {
  const ends: (() => void)[] = []
  const argon2 = (): Promise<Buffer> => new Promise(resolve => ends.push(() => resolve(Buffer.alloc(32))))
  const busy = await startAuthServer(t.testdir(), { limits: unlimited, hashing: { argon2, concurrency: 1, queue: 1 } })
  t.teardown(() => busy.close())
  const all = [1, 2, 3].map(() => honest('alice', busy))
  // One runs, one waits, and both are held: only the third can be answered.
  t.match(await Promise.race(all), { status: 503, body: '{"error":"busy"}', headers: { 'retry-after': '1' } })
  const release = setInterval(() => ends.shift()?.(), 5)
  t.teardown(() => clearInterval(release))
  const statuses = (await Promise.all(all)).map(({ status }) => status)
  t.strictSame(statuses.sort(), [401, 401, 503])
})

t.test('a login renews a hash of a lower cost, a wrong password does not', async t => {
  const cost = { ...MINIMUM_COST, passes: 3 }
  const risen = await startAuthServer(t.testdir(), { limits: unlimited, hasher: passwordHasher({ cost }) })
  t.teardown(() => risen.close())
  await risen.users.setPassword('alice', await passwordHasher({ cost: MINIMUM_COST }).hash(PASSWORD))
  await post(c => ({ name: 'alice', password: 'wrong', request: createRequest('alice', key, c) }), risen)
  t.match(await risen.users.get('alice'), { password: /t=2,/ })
  t.equal((await honest('alice', risen)).status, 200)
  t.match(await risen.users.get('alice'), { password: /t=3,/ })
  t.equal((await honest('alice', risen)).status, 200)
})

t.test('a fault on this side is 500, logged, and says nothing', async t => {
  const broken = await startAuthServer(t.testdir(), { limits: unlimited })
  t.teardown(() => broken.close())
  await broken.users.setPassword('alice', 'no hash')
  t.match(await honest('alice', broken), { status: 500, body: '{"error":"internal"}' })
  t.match(broken.events, [{ type: 'fault', error: { code: 'ERR_SFT_FILE' } }])
})

t.test('renews its own certificate', async t => {
  const short = await startAuthServer(t.testdir(), { serverTtl: 6000 })
  t.teardown(() => short.close())
  const serialNow = async (): Promise<string> => {
    const socket = await connectTls(short.server.url, short.authority.root)
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const first = await serialNow()
  let serial = first
  while (serial === first) {
    await sleep(100)
    serial = await serialNow()
  }
  t.not(serial, first)
})

t.test('a connection that sends nothing is cut', async t => {
  const { hostname, port } = new URL(url)
  const tcp = connectTcp(Number(port), hostname)
  const tls = await connectTls(url, root)
  tls.on('error', () => {})
  tcp.resume()
  tls.resume()
  await Promise.all([once(tcp, 'close'), once(tls, 'close')])
  t.pass('both were closed by the server')
})

t.test('ends at once in spite of connections that idle, and answers what runs', async t => {
  let end = (): void => {}
  const argon2 = (): Promise<Buffer> =>
    new Promise(resolve => {
      end = () => resolve(Buffer.alloc(32))
    })
  const ending = await startAuthServer(t.testdir(), { hashing: { argon2 } })
  const { hostname, port } = new URL(ending.server.url)
  const idle = [connectTcp(Number(port), hostname), await connectTls(ending.server.url, ending.authority.root)]
  const closed = idle.map(socket => once(socket.on('error', () => {}).resume(), 'close'))
  const running = honest('alice', ending)
  while (ending.computations.length === 0) await sleep(5)
  const close = ending.close()
  end()
  t.equal((await running).status, 401)
  await close
  await Promise.all(closed)
  await t.rejects(honest('alice', ending), { code: 'ECONNREFUSED' })
})

t.test('ends by its signal, and does not begin with one that is aborted', async t => {
  const controller = new AbortController()
  const ending = await startAuthServer(t.testdir(), { signal: controller.signal })
  controller.abort()
  await ending.close()
  await t.rejects(honest('alice', ending), { code: 'ECONNREFUSED' })
  const { store } = service
  await t.rejects(serveAuthority({ authority, store, port: 0, signal: controller.signal }), {
    code: 'ERR_SFT_CANCELLED'
  })
})

t.test('says when it cannot listen', async t => {
  const { store } = service
  const { port } = service.server.address
  await t.rejects(serveAuthority({ authority, store, port }), { code: 'ERR_SFT_CONNECT' })
  await t.rejects(serveAuthority({ authority, store, port: 0, hosts: ['a b'] }), { code: 'ERR_SFT_USAGE' })
})
