import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import t from 'tap'
import { modulusBytes, oaepMessage, premaster, privateOperation } from '../../../src/proof/run/rsa-opened.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const { privateKey, publicKey } = await testKey()
const k = modulusBytes(privateKey)
const open = (ciphertext: Uint8Array): Buffer => privateOperation(privateKey, ciphertext) as Buffer
const sealed = (message: Uint8Array, oaepHash: string, label = ''): Buffer =>
  publicEncrypt(
    { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash, oaepLabel: Buffer.from(label) },
    message
  )

t.test('a message is found whatever its label, as long as it leaves room', t => {
  const key = randomBytes(32)
  for (const hash of ['sha256', 'sha1'] as const) {
    const block = open(sealed(key, hash, 'any label at all'))
    t.same(oaepMessage(block, hash), key)
    t.same(oaepMessage(block, hash, Buffer.from('any label at all')), key)
    t.equal(oaepMessage(block, hash, Buffer.from('another')), undefined)
    t.equal(oaepMessage(block, hash === 'sha1' ? 'sha256' : 'sha1'), undefined)
  }
  t.end()
})

t.test('one that fills its block is found by its label', t => {
  const full = randomBytes(k - 66)
  t.same(oaepMessage(open(sealed(full, 'sha256')), 'sha256'), full, 'none')
  const block = open(sealed(full, 'sha256', 'label'))
  t.same(oaepMessage(block, 'sha256', Buffer.from('label')), full)
  t.equal(oaepMessage(block, 'sha256'), undefined)
  t.same(oaepMessage(open(sealed(Buffer.alloc(0), 'sha256')), 'sha256'), Buffer.alloc(0), 'an empty one')
  t.end()
})

t.test('the premaster secret of TLS', t => {
  const wrap = (message: Buffer): Buffer =>
    publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, message)
  const secret = Buffer.concat([Buffer.of(3, 3), randomBytes(46)])
  t.same(premaster(open(wrap(secret))), secret)
  t.equal(premaster(open(wrap(secret.subarray(1)))), undefined, 'another length')
  t.equal(premaster(open(wrap(randomBytes(48).fill(4, 0, 1)))), undefined, 'no version of TLS')
  t.end()
})

t.test('chance is nothing, and what is not below the modulus no ciphertext', t => {
  t.equal(privateOperation(privateKey, Buffer.alloc(k, 0xff)), undefined)
  for (let i = 0; i < 300; i++) {
    const block = open(Buffer.concat([Buffer.of(0), randomBytes(k - 1)]))
    t.same(
      [oaepMessage(block, 'sha256'), oaepMessage(block, 'sha1'), premaster(block)],
      [undefined, undefined, undefined]
    )
  }
  t.end()
})
