import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Server } from 'node:net'
import t from 'tap'
import { type CertificateFields, issue, parseRequest } from '../../../src/auth/certificates/certificate.ts'
import { issueServer } from '../../../src/auth/certificates/issuance.ts'
import { storePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { verifyPath } from '../../../src/auth/certificates/path.ts'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { ipName, leafExtensions, serverExtensions } from '../../../src/auth/certificates/profile.ts'
import { type LoginOptions, login } from '../../../src/auth/client/login.ts'
import { connectTls, PASSWORD, startAuthServer } from '../../fixtures/auth-server.ts'
import { type LeafOptions, makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const key = await testKey()
const service = await startAuthServer(t.testdir(), { limits: { perAccount: 1000, perSource: 1000 } })
const { root, org } = service.authority
const { url } = service.server
t.teardown(() => service.close())
const fingerprint = createHash('sha256').update(root.raw).digest('hex')
const untrusted = { code: 'ERR_SFT_CERT_UNTRUSTED' }

function logIn(options: Partial<LoginOptions> = {}): ReturnType<typeof login> {
  return login({ url, name: 'alice', password: PASSWORD, trust: { root }, key, ...options })
}

t.test('gets an identity for name and password', async t => {
  const identity = await logIn()
  t.match(identity, { org, name: 'alice' })
  t.ok(identity.privateKey.equals(key.privateKey))
  t.ok(verifyPath(identity.chain, { root, org, name: 'alice' }).publicKey.equals(key.publicKey))
  t.equal(PASSWORD.toString(), 'correct horse', 'the password is borrowed')
})

t.test('makes a fresh key of the size that was asked for', async t => {
  const { publicKey } = await login({ url, name: 'alice', password: PASSWORD, trust: { root }, bits: 2048 })
  t.equal(publicKey.asymmetricKeyDetails?.modulusLength, 2048)
  t.notOk(publicKey.equals(key.publicKey))
})

t.test('pins the root by its fingerprint, in any of its usual forms', async t => {
  const forms = [fingerprint, fingerprint.toUpperCase(), root.fingerprint256]
  for (const form of forms) {
    const identity = await logIn({ trust: { fingerprint: form } })
    t.ok(identity.root.raw.equals(root.raw), form)
  }
  for (const form of ['', fingerprint.slice(1), `${fingerprint}0`, 'x'.repeat(64)])
    await t.rejects(logIn({ trust: { fingerprint: form } }), { code: 'ERR_SFT_USAGE' })
})

t.test('a wrong pin ends it before a password is sent', async t => {
  const other = await makeOrganisation({ org })
  service.events.length = 0
  await t.rejects(logIn({ trust: { fingerprint: fingerprint.replace(/^./, c => (c === '0' ? '1' : '0')) } }), untrusted)
  await t.rejects(logIn({ trust: { root: other.root } }), untrusted)
  t.strictSame(service.events, [])
})

t.test('is refused without being told why', async t => {
  const refused = { code: 'ERR_SFT_LOGIN_REFUSED', message: 'the auth server refused name or password' }
  await t.rejects(logIn({ password: Buffer.from('wrong') }), refused)
  await t.rejects(logIn({ name: 'nobody' }), refused)
  await t.rejects(logIn({ name: 'bob' }), refused, 'disabled')
})

t.test('what cannot be a login is not sent', async t => {
  const usage = { code: 'ERR_SFT_USAGE' }
  service.events.length = 0
  for (const bad of ['http://127.0.0.1', 'x', '', 'https://user:pw@127.0.0.1', 'file:///x'])
    await t.rejects(logIn({ url: bad }), usage, bad)
  await t.rejects(logIn({ name: 'Alice' }), usage)
  for (const bad of [Buffer.alloc(0), Buffer.alloc(1025, 'x'), Buffer.from([0xff])])
    await t.rejects(logIn({ password: bad }), usage)
  t.strictSame(service.events, [])
})

t.test('too many attempts, and a server that is busy', async t => {
  const limited = await startAuthServer(t.testdir(), { limits: { perAccount: 0 } })
  t.teardown(() => limited.close())
  const options = { url: limited.server.url, trust: { root: limited.authority.root } }
  await t.rejects(logIn(options), { code: 'ERR_SFT_LOGIN_REFUSED', hint: 'wait a minute' })
  const busy = await hostile((_, response) => response.writeHead(503).end('{}'))
  await t.rejects(logIn({ url: busy }), { code: 'ERR_SFT_CONNECT', retryable: true })
})

t.test('a certificate that is not the one of an auth server is not trusted', async t => {
  const requests: string[] = []
  const record = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(request.url ?? '')
    response.end()
  }
  const address = ipName(Uint8Array.of(127, 0, 0, 1))
  const organisation = await makeOrganisation({ org })
  const certify = (fields: Partial<CertificateFields>): string =>
    issue(
      {
        subject: { commonName: 'x' },
        publicKey: key.publicKey,
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + 60_000),
        extensions: serverExtensions([address]),
        ...fields
      },
      organisation.issuing
    ).toString() + organisation.issuing.certificate.toString()
  const trust = { root: organisation.root }
  const past = new Date(Date.now() - 60_000)
  const san = { ...(serverExtensions([address]).at(-1) as CertificateFields['extensions'][number]) }
  const member = [...leafExtensions('sft://example.org/u/mallory').slice(0, -1), san]
  const cases: Record<string, { code: string; fields: Partial<CertificateFields> }> = {
    expired: { code: 'ERR_SFT_CERT_EXPIRED', fields: { notBefore: new Date(0), notAfter: past } },
    'of another host': {
      code: 'ERR_SFT_CERT_NAME',
      fields: { extensions: serverExtensions([ipName(Uint8Array.of(127, 0, 0, 2))]) }
    },
    "a member's": { code: 'ERR_SFT_CERT_UNTRUSTED', fields: { extensions: member } }
  }
  for (const [title, { code, fields }] of Object.entries(cases))
    await t.rejects(logIn({ url: await hostile(record, certify(fields)), trust }), { code }, title)
  t.strictSame(requests, [], 'no request was sent')
  await t.rejects(logIn({ url: await hostile(record, certify({})), trust }), { code: 'ERR_SFT_PROTOCOL' })
  t.strictSame(requests, ['/v2/login'], 'the same certificate without a fault is trusted')
})

t.test(
  'A2: what is recorded of a login holds neither name nor password, and no long-term key has sealed it',
  async t => {
    const recorded: Buffer[] = []
    const { port } = new URL(url)
    const proxy = createTcpServer(near => {
      const far = connectTcp(Number(port), '127.0.0.1')
      for (const [from, to] of [
        [near, far],
        [far, near]
      ] as const) {
        from.on('data', piece => recorded.push(piece))
        from.on('error', () => to.destroy())
        from.pipe(to)
      }
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    t.teardown(() => proxy.close())
    const through = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    t.match(await logIn({ url: through }), { name: 'alice' })
    const bytes = Buffer.concat(recorded)
    t.ok(bytes.byteLength > 3000, `${bytes.byteLength} bytes`)
    for (const secret of [PASSWORD, Buffer.from('alice'), Buffer.from('password'), Buffer.from('CERTIFICATE')])
      for (const encoding of ['latin1', 'base64', 'hex'] as const)
        t.notOk(bytes.includes(encoding === 'latin1' ? secret : secret.toString(encoding)), `${secret} ${encoding}`)
    const socket = await connectTls(url, root)
    t.match(
      socket.getEphemeralKeyInfo(),
      { type: /^(ECDH|TLSGroup)$/ },
      'the key of the server signs, and the CA only signed that'
    )
    t.equal(socket.getProtocol(), 'TLSv1.3')
    socket.destroy()
  }
)

t.test('A26: an answer that is not the own certificate is refused', async t => {
  const mallory = await testKey()
  const other = await makeOrganisation({ org })
  const organisation = await makeOrganisation({ org })
  const trust = { root: organisation.root }
  const certify = async (name: string, options: LeafOptions): Promise<readonly Uint8Array[]> =>
    (await organisation.issue(name, options)).chain
  const expired = { notBefore: new Date(0), notAfter: new Date(Date.now() - 6 * 60_000) }
  const server = { publicKey: key.publicKey, hosts: ['127.0.0.1'] }
  const answers: Record<string, { code: string; chain: readonly Uint8Array[] }> = {
    'of another key': { code: 'ERR_SFT_CERT_UNTRUSTED', chain: await certify('alice', { key: mallory }) },
    'of another name': { code: 'ERR_SFT_CERT_NAME', chain: await certify('mallory', { key }) },
    'of another root': { code: 'ERR_SFT_CERT_UNTRUSTED', chain: (await other.issue('alice', { key })).chain },
    expired: { code: 'ERR_SFT_CERT_EXPIRED', chain: await certify('alice', { key, ...expired }) },
    'without issuing CA': { code: 'ERR_SFT_CERT_UNTRUSTED', chain: await certify('alice', { key, chain: [] }) },
    'of a TLS server': {
      code: 'ERR_SFT_CERT_USAGE',
      chain: [issueServer(organisation.issuing, server), organisation.issuing.certificate].map(({ raw }) => raw)
    }
  }
  const cert = issueServer(organisation.issuing, server).toString() + organisation.issuing.certificate.toString()
  for (const [title, { code, chain }] of Object.entries(answers)) {
    const body = JSON.stringify({ chain: chain.map(der => encodeCertificates([der])) })
    await t.rejects(logIn({ url: await hostile((_, response) => response.end(body), cert), trust }), { code }, title)
  }
  const own = JSON.stringify({ chain: [encodeCertificates(await certify('alice', { key }))] })
  const identity = await logIn({ url: await hostile((_, response) => response.end(own), cert), trust })
  t.equal(identity.name, 'alice', 'the same answer without a fault is taken')
})

t.test('an answer that is none ends in a code', async t => {
  const chain = encodeCertificates(service.authority.issueLeaf(key.publicKey, 'alice'))
  const bodies = ['', '{', 'null', '[]', '{}', '{"chain":1}', '{"chain":[1]}', `{"chain":"${'x'}"}`]
  for (const body of bodies)
    await t.rejects(
      logIn({ url: await hostile((_, response) => response.end(body)) }),
      { code: 'ERR_SFT_PROTOCOL' },
      body
    )
  for (const body of ['{"chain":[]}', '{"chain":["x"]}'])
    await t.rejects(
      logIn({ url: await hostile((_, response) => response.end(body)) }),
      { code: 'ERR_SFT_CERT_INVALID' },
      body
    )
  for (const status of [302, 404, 500]) {
    const server = await hostile((_, response) =>
      response.writeHead(status, { location: '/' }).end(JSON.stringify({ chain: [chain] }))
    )
    await t.rejects(logIn({ url: server }), { code: 'ERR_SFT_PROTOCOL' }, `${status}`)
  }
})

t.test('an answer without end is cut at 64 KiB', async t => {
  let sent = 0
  const endless = await hostile((_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(1024))) sent++
    }
    response.on('drain', more)
    more()
  })
  await t.rejects(logIn({ url: endless }), { code: 'ERR_SFT_LIMIT' })
  t.ok(sent < 16 * 1024, 'the server could not go on for ever')
})

t.test('nobody there, nobody who speaks TLS, nobody who answers', async t => {
  const mute = await listen(createTcpServer(socket => socket.on('error', () => {}).resume()))
  const closing = await listen(createTcpServer(socket => socket.end()))
  const talking = await listen(createTcpServer(socket => socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\n\r\n')))
  await t.rejects(logIn({ url: `https://127.0.0.1:${mute}`, connectTimeout: 100 }), { code: 'ERR_SFT_TIMEOUT' })
  await t.rejects(logIn({ url: `https://127.0.0.1:${closing}` }), { code: 'ERR_SFT_CONNECT' })
  await t.rejects(logIn({ url: `https://127.0.0.1:${talking}` }), { code: 'ERR_SFT_CONNECT' })
  await t.rejects(logIn({ url: 'https://127.0.0.1:1' }), { code: 'ERR_SFT_CONNECT', retryable: true })
  const silent = await hostile(() => {})
  await t.rejects(logIn({ url: silent, timeout: 500 }), { code: 'ERR_SFT_TIMEOUT' })
  const slow = await hostile((_, response) => response.write('{'))
  await t.rejects(logIn({ url: slow, timeout: 500 }), { code: 'ERR_SFT_TIMEOUT' }, 'an answer that does not end')
  const broken = await hostile(request => request.socket.destroy())
  await t.rejects(logIn({ url: broken }), { code: 'ERR_SFT_CONNECTION_LOST', retryable: true })
  const half = await hostile((request, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('{', () => request.socket.destroy())
  })
  await t.rejects(logIn({ url: half }), { code: 'ERR_SFT_CONNECTION_LOST' }, 'an answer that ends early')
})

t.test('ends by its signal', async t => {
  const cancelled = { code: 'ERR_SFT_CANCELLED' }
  await t.rejects(logIn({ signal: AbortSignal.abort() }), cancelled)
  const controller = new AbortController()
  const silent = await hostile(() => controller.abort())
  await t.rejects(logIn({ url: silent, signal: controller.signal }), cancelled)
})

t.test('the request is bound to the channel that carries it', async t => {
  const challenges = new Set<string>()
  const recording = await hostile(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    challenges.add(parseRequest(JSON.parse(Buffer.concat(parts).toString()).request).challenge)
    response.writeHead(401).end('{}')
  })
  for (let i = 0; i < 2; i++) await t.rejects(logIn({ url: recording }), { code: 'ERR_SFT_LOGIN_REFUSED' })
  t.equal(challenges.size, 2)
  for (const challenge of challenges) t.equal(Buffer.from(challenge, 'base64').length, 32)
})

/** Starts a TLS server that the root vouches for, unless `cert` says otherwise, and that does what it likes. */
async function hostile(
  handle: (request: IncomingMessage, response: ServerResponse) => unknown,
  cert = service.authority.issueServer(key.publicKey, ['127.0.0.1'])
): Promise<string> {
  const server = createServer({ cert, key: storePrivateKey(key.privateKey, undefined) }, handle)
  t.teardown(() => server.closeAllConnections())
  return `https://127.0.0.1:${await listen(server)}`
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', socket => sockets.add(socket))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
