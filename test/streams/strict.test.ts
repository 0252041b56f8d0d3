import t from 'tap'
import { chunk } from '../../src/streams/chunk.ts'
import { type OpenOptions, open } from '../../src/streams/open.ts'
import { seal } from '../../src/streams/seal.ts'
import type { ReceivedFrame } from '../../src/streams/types.ts'
import { seal as sealBytes } from '../../src/workers/aead.ts'
import { INDEX_BYTES, TAG_BYTES, u64 } from '../../src/workers/construction.ts'
import { createPool, inlinePool } from '../../src/workers/pool.ts'
import { encryptChunk } from '../../src/workers/strict-blocks.ts'
import { collect, join, pattern, print, received, streamKey } from '../fixtures/bytes.ts'
import { countingPool } from '../fixtures/pools.ts'
import { testKey } from '../fixtures/rsa-keys.ts'

/** The strict suite in the stages (SPEC §7.6): the blocks are what is sealed, and all that holds of chunks holds of them. */

const { publicKey, privateKey } = await testKey()
const streamId = pattern(32)
const [make, take] = [
  { key: publicKey, streamId },
  { key: privateKey, streamId }
]
const CHUNK = 16 * 1024
const [BLOCK, HOLDS] = [256, 190]
const PLAIN = (CHUNK / BLOCK) * HOLDS
const key = streamKey('rsa-oaep')
const pool = createPool({ threads: 2 })
t.teardown(() => pool.close())

const sealed = async (bytes: Uint8Array, firstChunk = 0): Promise<ReceivedFrame[]> => {
  const chunks = chunk({ size: PLAIN, blocks: make })([bytes])
  return (await collect(seal(pool, key, { blocks: make, firstChunk })(chunks))).map(received)
}
const opened = (frames: readonly ReceivedFrame[], options: Partial<OpenOptions> = {}, with_ = pool) =>
  open(with_, key, { chunkSize: CHUNK, variable: false, blocks: take, ...options })(frames)

/** A chunk of blocks that whoever has the keys of the stream makes. */
function forged(index: number, blocks: Uint8Array): ReceivedFrame {
  const aad = Buffer.concat([Buffer.from('RSFL'), u64(index)])
  const { ciphertext, tag } = sealBytes(key.chunk(index), index, aad, blocks)
  return received({ type: 'RSFL', body: [u64(index), ciphertext, tag] })
}

function finalOf(end: number, bytes: number): ReceivedFrame {
  const text = Buffer.concat([end, bytes, 0].map(u64))
  const { ciphertext, tag } = sealBytes(key.final, end, Buffer.from('FINL'), text)
  return received({ type: 'FINL', body: [ciphertext, tag] })
}

t.test('M161: every length comes back; FINL counts the bytes of blocks', async t => {
  for (const bytes of [0, 1, HOLDS, HOLDS + 1, PLAIN - 1, PLAIN, PLAIN + 1, 3 * PLAIN, 3 * PLAIN + HOLDS]) {
    const frames = await sealed(pattern(bytes))
    t.equal(frames.length, Math.ceil(bytes / PLAIN) + 1)
    t.equal(print(await join(opened(frames))), print(pattern(bytes)), String(bytes))
    t.equal(print(await join(opened(await sealed(pattern(bytes)), {}, inlinePool()))), print(pattern(bytes)))
  }
  const [first] = await sealed(pattern(PLAIN))
  t.equal(first?.body.byteLength, INDEX_BYTES + CHUNK + TAG_BYTES)
  t.equal(print(await join(opened(await sealed(pattern(PLAIN + 5), 7), { firstChunk: 7 }))), print(pattern(PLAIN + 5)))
})

t.test('M161: a chunk is whole blocks, as many as it has room for, but for the last', async t => {
  const blocks = encryptChunk(make, 0, pattern(PLAIN))
  const refused = (...frames: ReceivedFrame[]) => t.rejects(join(opened(frames)), { code: 'ERR_SFT_CHUNK_SIZE' })
  await refused(forged(0, blocks.subarray(1)))
  await refused(
    forged(0, blocks.subarray(0, BLOCK)),
    forged(1, encryptChunk(make, 1, pattern(5))),
    finalOf(2, 2 * BLOCK)
  )
  await refused(forged(0, Buffer.concat([blocks, blocks.subarray(0, BLOCK)])))
})

t.test('M162: a short block before the last chunk', async t => {
  const frames = () => [
    forged(0, encryptChunk(make, 0, pattern(PLAIN - 1))),
    forged(1, encryptChunk(make, 1, pattern(5))),
    finalOf(2, CHUNK + BLOCK)
  ]
  await t.rejects(join(opened(frames())), { code: 'ERR_SFT_CHUNK_SIZE' })
  t.equal((await join(opened(frames(), { variable: true }))).byteLength, PLAIN + 4, 'unless chunks vary')
})

t.test('M162: swapped blocks, of whoever has the keys of the stream', async t => {
  const blocks = Buffer.from(encryptChunk(make, 0, pattern(PLAIN)))
  const swapped = Buffer.concat([
    blocks.subarray(BLOCK, 2 * BLOCK),
    blocks.subarray(0, BLOCK),
    blocks.subarray(2 * BLOCK)
  ])
  await t.rejects(join(opened([forged(0, swapped), finalOf(1, CHUNK)])), { code: 'ERR_SFT_CHUNK_AUTH' })
  const moved = [forged(0, encryptChunk(make, 1, pattern(PLAIN))), finalOf(1, CHUNK)]
  await t.rejects(join(opened(moved)), { code: 'ERR_SFT_CHUNK_AUTH' }, 'a chunk of another place')
})

t.test('M163: what does not verify costs no private operation', async t => {
  const asked: string[] = []
  const spy = new Proxy(privateKey, {
    get: (target, name) => {
      asked.push(String(name))
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  const blocks = { key: spy, streamId }
  const frames = await sealed(pattern(100))
  const [first] = frames as [ReceivedFrame]
  const spied = (): boolean => asked.some(name => name !== 'asymmetricKeyDetails')
  first.body[INDEX_BYTES] = (first.body[INDEX_BYTES] as number) ^ 1
  await t.rejects(join(opened(frames, { blocks }, inlinePool())), { code: 'ERR_SFT_CHUNK_AUTH' })
  t.notOk(spied(), `${asked}: its size is looked at`)
  await t.rejects(join(opened(await sealed(pattern(100)), { blocks }, inlinePool())), 'a spy is no key')
  t.ok(spied(), `${asked}: what verifies comes to the key`)
})

t.test('the window bounds what is under way, and an early stop ends it', async t => {
  const counting = countingPool()
  const frames = await sealed(pattern(8 * PLAIN))
  const reading = opened(frames, { inFlight: 3 }, counting)
  await reading.next()
  await reading.return()
  t.ok(counting.tasks.most <= 3, `${counting.tasks.most} at once`)
})
