import { constants, privateDecrypt, publicEncrypt } from 'node:crypto'
import t from 'tap'
import { generateRsaKey } from '../../src/auth/certificates/keys.ts'
import { u64 } from '../../src/workers/construction.ts'
import { BlockSizes, decryptChunk, encryptChunk } from '../../src/workers/strict-blocks.ts'
import { pattern, print } from '../fixtures/bytes.ts'
import { testKey } from '../fixtures/rsa-keys.ts'

const { publicKey, privateKey } = await testKey()
const streamId = pattern(32)
const [make, take] = [
  { key: publicKey, streamId },
  { key: privateKey, streamId }
]
const [BLOCK, HOLDS] = [256, 190]

t.test('M160: sizes of the keys that certificates may have', async t => {
  for (const [bits, block, holds, full, plain] of [
    [2048, 256, 190, 65_536, 256 * 190],
    [3072, 384, 318, 170 * 384, 170 * 318],
    [4096, 512, 446, 65_536, 128 * 446]
  ] as const) {
    const sizes = new BlockSizes((await generateRsaKey(bits)).publicKey)
    t.same([sizes.block, sizes.capacity], [block, holds])
    t.same([sizes.full(65_536), sizes.plain(65_536)], [full, plain])
    t.same(
      [0, 1, holds, holds + 1].map(bytes => sizes.blocked(bytes)),
      [0, block, block, 2 * block]
    )
  }
})

t.test('M160: any number of bytes comes back, and a block is what SPEC says', t => {
  for (const bytes of [1, HOLDS - 1, HOLDS, HOLDS + 1, 3 * HOLDS, 5 * HOLDS + 7]) {
    const blocks = encryptChunk(make, 9, pattern(bytes))
    t.equal(blocks.byteLength, Math.ceil(bytes / HOLDS) * BLOCK)
    t.equal(print(decryptChunk(take, 9, blocks)), print(pattern(bytes)), String(bytes))
  }
  const number = Buffer.from([0, 0, 0, 2])
  const oaepLabel = Buffer.concat([Buffer.from('sft/1 block'), streamId, u64(9), number])
  const options = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel }
  const third = encryptChunk(make, 9, pattern(3 * HOLDS)).subarray(2 * BLOCK)
  t.equal(print(privateDecrypt(options, third)), print(pattern(3 * HOLDS).subarray(2 * HOLDS)))
  t.end()
})

t.test('M162: a block opens in its own place only', t => {
  const blocks = encryptChunk(make, 0, pattern(4 * HOLDS))
  const swapped = Buffer.concat([1, 0, 2, 3].map(i => blocks.subarray(i * BLOCK, (i + 1) * BLOCK)))
  const repeated = Buffer.concat([0, 0, 2, 3].map(i => blocks.subarray(i * BLOCK, (i + 1) * BLOCK)))
  const others = { key: privateKey, streamId: pattern(32, 1) }
  t.equal(decryptChunk(take, 0, swapped), undefined, 'swapped')
  t.equal(decryptChunk(take, 0, repeated), undefined, 'twice')
  t.equal(decryptChunk(take, 1, blocks), undefined, 'of another chunk')
  t.equal(decryptChunk(others, 0, blocks), undefined, 'of another stream')
  for (const at of [0, BLOCK - 1, 3 * BLOCK + 5]) {
    const flipped = Uint8Array.from(blocks)
    flipped[at] = (flipped[at] as number) ^ 1
    t.equal(decryptChunk(take, 0, flipped), undefined, `byte ${at}`)
  }
  t.end()
})

t.test('M162: blocks before the last are full, and none is empty', t => {
  const block = (index: number, bytes: number): Buffer => {
    const number = Buffer.alloc(4)
    number.writeUInt32BE(index)
    const oaepLabel = Buffer.concat([Buffer.from('sft/1 block'), streamId, u64(0), number])
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    return publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256', oaepLabel }, pattern(bytes))
  }
  t.equal(decryptChunk(take, 0, Buffer.concat([block(0, HOLDS), block(1, 5)]))?.byteLength, HOLDS + 5)
  t.equal(decryptChunk(take, 0, Buffer.concat([block(0, HOLDS - 1), block(1, 5)])), undefined)
  t.equal(decryptChunk(take, 0, Buffer.concat([block(0, HOLDS), block(1, 0)])), undefined)
  t.end()
})
