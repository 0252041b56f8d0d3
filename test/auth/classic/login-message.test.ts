import t from 'tap'
import { encodeLogin, formatLogin, openLogin, parseLogin } from '../../../src/auth/classic/login-message.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const root = await testKey()
const own = await testKey()

t.test('a login is written, read, and written again', t => {
  for (const [name, password] of [
    ['user1', 'password1'],
    ['Kim Lee', 'a "quoted" \\ pässword ☃'],
    ['', '']
  ] as const) {
    const body = encodeLogin(root.publicKey, { name, password, publicKey: own.publicKey })
    t.notMatch(body, password || 'password1')
    const login = parseLogin(Buffer.from(body))
    if (login === undefined) throw new Error('not a login')
    t.same(openLogin(root.privateKey, login.payload), { name, password })
    t.equal(openLogin(own.privateKey, login.payload), undefined, 'not by another key')
    t.ok(login.publicKey.equals(own.publicKey))
    t.equal(formatLogin(login), body)
  }
  t.end()
})

t.test('what is too long for one block is refused', t => {
  const password = 'x'.repeat(191)
  t.throws(() => encodeLogin(root.publicKey, { name: 'a', password, publicKey: own.publicKey }), {
    code: 'ERR_SFT_LIMIT'
  })
  t.end()
})

t.test('what is no login', t => {
  const good = JSON.parse(encodeLogin(root.publicKey, { name: 'a', password: 'b', publicKey: own.publicKey }))
  const wrong: unknown[] = [
    {},
    [],
    null,
    7,
    { ...good, payload: undefined },
    { ...good, public_key: undefined },
    { ...good, payload: 7 },
    { ...good, payload: '!' },
    { ...good, payload: 'A'.repeat(5000) },
    { ...good, public_key: '' },
    { ...good, public_key: good.public_key.replaceAll('RSA PUBLIC', 'PUBLIC') },
    { ...good, public_key: good.public_key.replace('MII', 'AAA') },
    { ...good, public_key: own.privateKey.export({ type: 'pkcs1', format: 'pem' }) }
  ]
  for (const body of wrong)
    t.equal(parseLogin(Buffer.from(JSON.stringify(body))), undefined, JSON.stringify(body).slice(0, 60))
  for (const text of ['', '{', '\0', '{"payload": "AAAA"']) t.equal(parseLogin(Buffer.from(text)), undefined)
  t.ok(parseLogin(Buffer.from(JSON.stringify(good))))
  t.end()
})
