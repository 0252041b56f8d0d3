import { createPrivateKey } from 'node:crypto'
import t from 'tap'
import {
  blockCapacity,
  blockSize,
  CLASSIC_BLOCK,
  decryptBlock,
  decryptBlocks,
  encryptBlock,
  encryptBlocks
} from '../../src/workers/classic-blocks.ts'
import { wrapKey } from '../../src/workers/key-wrap.ts'
import { pattern } from '../fixtures/bytes.ts'
import { openssl } from '../fixtures/openssl.ts'
import { testKey } from '../fixtures/rsa-keys.ts'

const { publicKey, privateKey } = await testKey()

t.test('100 bytes a block, and the rest in the last', t => {
  for (const length of [0, 1, CLASSIC_BLOCK, CLASSIC_BLOCK + 1, 190, 1000]) {
    const blocks = encryptBlocks(publicKey, pattern(length))
    t.equal(blocks.byteLength, Math.ceil(length / CLASSIC_BLOCK) * 256)
    const { data, sizes } = decryptBlocks(privateKey, blocks)
    t.ok(Buffer.from(data).equals(pattern(length)))
    t.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      length
    )
    t.ok(sizes.slice(0, -1).every(size => size === CLASSIC_BLOCK))
  }
  t.end()
})

t.test('a block that does not open is told, and takes none of the others with it', t => {
  const blocks = encryptBlocks(publicKey, pattern(250))
  blocks[256 + 17] = (blocks[256 + 17] as number) ^ 1
  const { data, sizes } = decryptBlocks(privateKey, blocks)
  t.same(sizes, [100, -1, 50])
  t.equal(data.byteLength, 150)
  t.end()
})

t.test('a block holds 190 bytes under RSA-2048', t => {
  t.equal(blockSize(publicKey), 256)
  t.equal(blockCapacity(publicKey), 190)
  t.same(decryptBlock(privateKey, encryptBlock(publicKey, pattern(190))), Buffer.from(pattern(190)))
  t.throws(() => encryptBlock(publicKey, pattern(191)))
  t.end()
})

t.test('openssl opens it: OAEP with SHA-256, MGF1 of the same, no label', t => {
  const directory = t.testdir({
    'key.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    block: encryptBlock(publicKey, Buffer.from('a name of a file'))
  })
  const padding = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'].flatMap(each => [
    '-pkeyopt',
    each
  ])
  const input = ['-inkey', `${directory}/key.pem`, '-in', `${directory}/block`]
  t.equal(openssl(['pkeyutl', '-decrypt', ...input, ...padding]).text, 'a name of a file')
  t.end()
})

t.test('what does not open is told alike: another key, a changed byte, another length, a label', t => {
  const block = encryptBlock(publicKey, pattern(100))
  const other = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  t.ok(decryptBlock(other, block))
  const changed = Uint8Array.from(block)
  changed[17] = (changed[17] as number) ^ 1
  const labelled = wrapKey(publicKey, new Uint8Array(32), pattern(32))
  for (const wrong of [changed, block.subarray(1), Buffer.concat([block, block]), new Uint8Array(0), labelled])
    t.equal(decryptBlock(privateKey, wrong), undefined)
  t.end()
})
