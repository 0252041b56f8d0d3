import t from 'tap'
import { createClassicPool } from '../../src/workers/classic-pool.ts'
import { pattern } from '../fixtures/bytes.ts'
import { testKey } from '../fixtures/rsa-keys.ts'

const { publicKey, privateKey } = await testKey()

t.test('inline and in threads, the same bytes', async t => {
  for (const threads of [0, 2]) {
    await using pool = createClassicPool({ threads })
    t.equal(pool.threads, 0, 'no thread before there is work for one')
    for (let i = 0; i < 3; i++) {
      const blocks = new Uint8Array(await pool.encrypt(publicKey, pattern(4000)))
      t.equal(blocks.byteLength, 40 * 256)
      const { data, sizes } = await pool.decrypt(privateKey, blocks)
      t.ok(Buffer.from(data).equals(pattern(4000)))
      t.equal(sizes.length, 40)
    }
    t.equal(pool.threads, threads)
    const wrong = await pool.decrypt(privateKey, new Uint8Array(512))
    t.same(wrong.sizes, [-1, -1])
  }
})

t.test('as many threads as processors, and none for a small file', async t => {
  await using pool = createClassicPool()
  const blocks = new Uint8Array(await pool.encrypt(publicKey, pattern(1000)))
  await pool.decrypt(privateKey, blocks)
  t.equal(pool.threads, 0)
})
