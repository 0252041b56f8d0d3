import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  encryptPrivateKey,
  generateRsaKey,
  isAcceptableKey,
  isEncrypted,
  parsePrivateKey,
  spkiHash,
  storePrivateKey,
  unlockPrivateKey
} from '../../../src/auth/certificates/keys.ts'
import { openssl } from '../../fixtures/openssl.ts'

const key = await generateRsaKey(2048)
const passphrase = Buffer.from('pässphrase')
const encrypted = encryptPrivateKey(key.privateKey, passphrase)

t.test('makes keys of SPEC §4.2 and no others', async t => {
  t.equal(key.publicKey.asymmetricKeyDetails?.modulusLength, 2048)
  t.ok(isAcceptableKey(key.publicKey))
  for (const bits of [0, 1024, 2047, 4097, 2048.5, Number.NaN])
    await t.rejects(generateRsaKey(bits), { code: 'ERR_SFT_USAGE' }, `${bits} bits`)
  t.notOk(isAcceptableKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), '1,024 bits')
  t.notOk(isAcceptableKey(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey), 'e = 3')
  t.notOk(isAcceptableKey(generateKeyPairSync('ed25519').publicKey), 'Ed25519')
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
  t.notOk(isAcceptableKey(pss.publicKey), 'RSA-PSS')
})

t.test('hashes the SubjectPublicKeyInfo as OpenSSL writes it', async t => {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const body = Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64')
  t.strictSame(Buffer.from(spkiHash(key.publicKey)), createHash('sha256').update(body).digest())
})

t.test('an encrypted key opens with its passphrase only', async t => {
  t.ok(isEncrypted(encrypted))
  t.ok(parsePrivateKey(encrypted, passphrase).equals(key.privateKey))
  t.ok(createPrivateKey({ key: encrypted, passphrase }).equals(key.privateKey), 'node reads it')
  for (const wrong of ['', 'passphrase', 'pässphrase '])
    t.throws(() => parsePrivateKey(encrypted, Buffer.from(wrong)), { code: 'ERR_SFT_PASSPHRASE' })
  t.throws(() => parsePrivateKey(encrypted), { code: 'ERR_SFT_SECRET_UNAVAILABLE' })
  t.not(encryptPrivateKey(key.privateKey, passphrase), encrypted, 'salt and IV are fresh')
  t.equal(passphrase.toString(), 'pässphrase', 'the passphrase is borrowed')
})

t.test('refuses a passphrase of no or too many bytes', async t => {
  for (const size of [0, 1025])
    t.throws(() => encryptPrivateKey(key.privateKey, Buffer.alloc(size, 'x')), { code: 'ERR_SFT_USAGE' }, `${size}`)
  const long = Buffer.alloc(1024, 'x')
  t.ok(parsePrivateKey(encryptPrivateKey(key.privateKey, long), long).equals(key.privateKey))
})

t.test('OpenSSL reads an encrypted key, and we read one of OpenSSL', async t => {
  const path = join(t.testdir(), 'key.pem')
  writeFileSync(path, encrypted)
  const { status, text } = openssl(['pkey', '-in', path, '-passin', 'pass:pässphrase', '-pubout'])
  t.equal(status, 0, text)
  t.ok(createPublicKey(text).equals(key.publicKey))
  t.not(openssl(['pkey', '-in', path, '-passin', 'pass:wrong']).status, 0)
  const theirs = openssl(
    ['pkcs8', '-topk8', '-scrypt', '-passout', 'pass:x'],
    storePrivateKey(key.privateKey, undefined)
  )
  t.ok(parsePrivateKey(theirs.text, Buffer.from('x')).equals(key.privateKey))
})

t.test('a key in the clear is never asked about', async t => {
  const plain = storePrivateKey(key.privateKey, undefined)
  t.notOk(isEncrypted(plain))
  const unlocked = await unlockPrivateKey(plain, () => t.fail('asked for a passphrase') as never)
  t.ok(unlocked.equals(key.privateKey))
  t.ok((await unlockPrivateKey(encrypted, async () => passphrase)).equals(key.privateKey))
  await t.rejects(unlockPrivateKey(encrypted), { code: 'ERR_SFT_SECRET_UNAVAILABLE' })
})

t.test('text that holds no key is a fault of the file', async t => {
  for (const text of ['', 'x', key.publicKey.export({ type: 'spki', format: 'pem' }).toString()])
    t.throws(() => parsePrivateKey(text), { code: 'ERR_SFT_FILE' })
})
