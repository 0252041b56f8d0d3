import { constants, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import t from 'tap'
import { unwrapKey, wrapKey } from '../../src/workers/key-wrap.ts'
import { pattern } from '../fixtures/bytes.ts'

const bob = generateKeyPairSync('rsa', { modulusLength: 2048 })
const carol = generateKeyPairSync('rsa', { modulusLength: 2048 })
const id = pattern(32)
const key = pattern(32, 9)

t.test('what is wrapped comes back, and each time in other bytes', t => {
  const [one, two] = [wrapKey(bob.publicKey, id, key), wrapKey(bob.publicKey, id, key)]
  t.equal(one.byteLength, 256)
  t.not(Buffer.compare(one, two), 0)
  t.same(unwrapKey(bob.privateKey, id, one), key)
  t.same(unwrapKey(bob.privateKey, id, two), key)
  t.end()
})

t.test('every failure is the same undefined', t => {
  const wrapped = wrapKey(bob.publicKey, id, key)
  const flipped = Uint8Array.from(wrapped)
  flipped[100] = (flipped[100] ?? 0) ^ 1
  t.equal(unwrapKey(carol.privateKey, id, wrapped), undefined, 'another key')
  t.equal(unwrapKey(bob.privateKey, pattern(32, 1), wrapped), undefined, 'another stream')
  t.equal(unwrapKey(bob.privateKey, id, flipped), undefined, 'changed')
  t.equal(unwrapKey(bob.privateKey, id, wrapped.subarray(1)), undefined, 'short')
  t.equal(unwrapKey(bob.privateKey, id, new Uint8Array(0)), undefined, 'empty')
  t.end()
})

t.test('only 32 bytes are a key, and only under our label', t => {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const label = Buffer.concat([Buffer.from('sft/1 wrap'), id])
  const wrap = (data: Uint8Array, options: object): Uint8Array =>
    publicEncrypt({ key: bob.publicKey, padding, oaepHash: 'sha256', oaepLabel: label, ...options }, data)
  t.same(unwrapKey(bob.privateKey, id, wrap(key, {})), key)
  for (const size of [0, 16, 31, 33]) t.equal(unwrapKey(bob.privateKey, id, wrap(pattern(size), {})), undefined)
  t.equal(unwrapKey(bob.privateKey, id, wrap(key, { oaepHash: 'sha1' })), undefined)
  t.equal(unwrapKey(bob.privateKey, id, wrap(key, { oaepLabel: Buffer.from('sft/1 block') })), undefined)
  t.equal(unwrapKey(bob.privateKey, id, wrap(key, { oaepLabel: undefined })), undefined)
  t.end()
})
