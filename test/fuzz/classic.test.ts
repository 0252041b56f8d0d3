import fc from 'fast-check'
import t from 'tap'
import { verifyClassicCertificate } from '../../src/auth/classic/certificate.ts'
import { encodeLogin, openLogin, parseLogin } from '../../src/auth/classic/login-message.ts'
import { CLASSIC_TYPES, type ClassicMessage, classicMessages, encodeClassic } from '../../src/auth/classic/wire.ts'
import { SftError } from '../../src/streams/errors.ts'
import { cut, pattern } from '../fixtures/bytes.ts'
import { makeClassicSystem } from '../fixtures/classic.ts'
import { edited, edits, fuzz } from '../fixtures/fuzz.ts'

/** The three parsers of the classic system under random edits: an error with a code, or what was meant. */

const system = await makeClassicSystem()
const user1 = await system.issue('user1')
const WIRE = Buffer.concat(CLASSIC_TYPES.map((type, i) => encodeClassic(type, pattern(i * 100))))
const LOGIN = Buffer.from(
  encodeLogin(system.certificate.publicKey, { name: 'user1', password: 'password1', publicKey: user1.publicKey })
)

t.test('messages: what comes out, written again, is what went in', { timeout: 600_000 }, async t => {
  const input = fc.record({ changes: edits, step: fc.integer({ min: 1, max: 600 }) })
  await fuzz(t, 3, input, async ({ changes, step }) => {
    const wire = edited(WIRE, changes)
    const read: ClassicMessage[] = []
    const again = (): Buffer => Buffer.concat(read.map(({ type, payload }) => encodeClassic(type, payload)))
    try {
      for await (const message of classicMessages()(cut(wire, step))) read.push(message)
      return again().equals(wire)
    } catch (error) {
      return SftError.is(error) && again().equals(wire.subarray(0, again().byteLength))
    }
  })
})

t.test('certificates: refused, or the same certificate', { timeout: 600_000 }, async t => {
  await fuzz(t, 3, edits, async changes => {
    try {
      const { certificate } = verifyClassicCertificate(edited(user1.pem, changes), { root: system.certificate })
      return certificate.raw.equals(user1.certificate.raw)
    } catch (error) {
      return SftError.is(error) && error.code.startsWith('ERR_SFT_CERT_')
    }
  })
})

t.test('logins: none, one that does not open, or the same name and password', { timeout: 600_000 }, async t => {
  await fuzz(t, 3, edits, async changes => {
    const login = parseLogin(edited(LOGIN, changes))
    const secret = login && openLogin(system.privateKey, login.payload)
    return secret === undefined || (secret.name === 'user1' && secret.password === 'password1')
  })
})
