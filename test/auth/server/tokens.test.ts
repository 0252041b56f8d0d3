import { createHmac } from 'node:crypto'
import t from 'tap'
import { verifyPath } from '../../../src/auth/certificates/path.ts'
import { enrol } from '../../../src/auth/client/login.ts'
import { issueToken, readToken } from '../../../src/auth/server/tokens.ts'
import { startAuthServer } from '../../fixtures/auth-server.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const service = await startAuthServer(t.testdir(), { limits: { perAccount: 1000, perSource: 1000 } })
t.teardown(() => service.close())
const { authority, server, store, events, computations } = service
const { org, root } = authority
const key = await testKey()
const enter = (token: string) => enrol(token, { url: server.url, trust: { root }, key })
const refused = { code: 'ERR_SFT_LOGIN_REFUSED', message: 'the auth server refused the token' }
const latest = () => events.filter(({ type }) => type === 'enrolment').at(-1)

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
const now = Math.floor(Date.now() / 1000)
const header = { alg: 'HS256', typ: 'sft-enrolment+jwt' }
const claims = { iss: org, aud: 'sft/1 login', sub: 'alice', jti: 'a', iat: now, exp: now + 60 }

/** A JWT made by hand, signed as it should be unless told. */
async function forge(head: object = header, body: object = claims, secret?: Uint8Array): Promise<string> {
  const text = `${encode(head)}.${encode(body)}`
  const mac = createHmac('sha256', secret ?? (await store.tokens.secret())).update(text)
  return `${text}.${mac.digest('base64url')}`
}

t.test('M58: a token gets a certificate once, without a password', async t => {
  computations.length = 0
  const { token, expires } = await issueToken(store, { org, name: 'alice' })
  t.ok(expires.getTime() <= Date.now() + 5 * 60_000 + 1000)
  const identity = await enter(token)
  t.equal(verifyPath(identity.chain, { root, org, name: 'alice' }).name, 'alice')
  t.match(latest(), { result: 'issued', name: 'alice' })
  await t.rejects(enter(token), refused)
  t.match(latest(), { result: 'refused', reason: 'token was used before', name: 'alice' })
  t.strictSame(computations, [], 'there is nothing to guess')
  const audit = (await store.audit.read(0)).map(({ line }) => JSON.parse(line))
  t.ok(audit.some(({ type, token: id }) => type === 'token' && /^[0-9a-f]{32}$/.test(id)))
  t.notOk(
    audit.some(line => JSON.stringify(line).includes(token)),
    'the audit knows its number only'
  )
})

t.test('M58: of many attempts at once one is good', async t => {
  const { token } = await issueToken(store, { org, name: 'alice' })
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => enter(token)))
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('M58: whatever is not exactly such a token is refused (RFC 8725)', async t => {
  t.match(await readToken(store, org, await forge()), { name: 'alice', id: 'a' }, 'the one made by hand is good')
  const { jti: _, ...numberless } = claims
  const forged: Record<string, string> = {
    'another algorithm': await forge({ ...header, alg: 'HS512' }),
    'no algorithm': `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`,
    'another type': await forge({ alg: 'HS256', typ: 'JWT' }),
    'another key': await forge(header, claims, Buffer.alloc(32)),
    'another organisation': await forge(header, { ...claims, iss: 'example.com' }),
    'another audience': await forge(header, { ...claims, aud: 'x' }),
    'no number': await forge(header, numberless),
    over: await forge(header, { ...claims, iat: now - 200, exp: now - 100 }),
    'made too long ago': await forge(header, { ...claims, iat: now - 400 }),
    'made in the future': await forge(header, { ...claims, iat: now + 400, exp: now + 500 }),
    'a name that is none': await forge(header, { ...claims, sub: 'No Name' }),
    'too long': await forge(header, { ...claims, padding: 'x'.repeat(2048) })
  }
  for (const [title, token] of Object.entries(forged)) t.equal(await readToken(store, org, token), undefined, title)
  await t.rejects(enter(forged['another key'] as string), refused)
  t.match(latest(), { result: 'refused', reason: 'no good token', name: undefined })
  for (const text of ['', 'x', 'a.b.c', `x.${encode({ sub: 1 })}.y`])
    await t.rejects(enter(text), { code: 'ERR_SFT_USAGE' })
})

t.test('M58: nobody who may not log in gets one, or gets in by one', async t => {
  await t.rejects(issueToken(store, { org, name: 'nobody' }), { code: 'ERR_SFT_NOT_FOUND' })
  for (const ttl of [0, 999, 5 * 60_000 + 1, Number.NaN])
    await t.rejects(issueToken(store, { org, name: 'alice', ttl }), { code: 'ERR_SFT_USAGE' })
  const { token } = await issueToken(store, { org, name: 'bob' })
  await t.rejects(enter(token), refused)
  t.match(latest(), { reason: 'disabled', name: 'bob' })
  await store.users.setDisabled('bob', false)
  await enter(token)
  t.match(latest(), { result: 'issued' }, 'a refusal before that has not spent it')
})
