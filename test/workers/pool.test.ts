import { generateKeyPairSync } from 'node:crypto'
import type { Worker } from 'node:worker_threads'
import t from 'tap'
import { AEADS, u64 } from '../../src/workers/construction.ts'
import { wrapKey } from '../../src/workers/key-wrap.ts'
import { type CipherPool, createPool, inlinePool } from '../../src/workers/pool.ts'
import { pattern, print, streamKey } from '../fixtures/bytes.ts'

/** Large enough to be worth a thread. */
const LARGE = 256 * 1024
const threaded = createPool({ threads: 2 })
t.teardown(() => threaded.close())
const POOLS: readonly (readonly [string, CipherPool])[] = [
  ['inline', inlinePool()],
  ['threads', threaded]
]

async function sealedBody(pool: CipherPool, index: number, data: Uint8Array<ArrayBuffer>) {
  const { ciphertext, tag } = await pool.seal({ key: streamKey().chunk(index), index, data })
  return Uint8Array.from(Buffer.concat([u64(index), ciphertext, tag]))
}

t.test('both pools give the same bytes', async t => {
  for (const suite of AEADS) {
    const key = streamKey(suite).chunk(3)
    for (const size of [1, LARGE - 1, LARGE]) {
      const results = await Promise.all(POOLS.map(([, pool]) => pool.seal({ key, index: 3, data: pattern(size) })))
      const [inline, threads] = results.map(({ ciphertext, tag }) => [print(ciphertext), print(tag)])
      t.same(threads, inline, `${suite} ${size}`)
    }
  }
})

for (const [name, pool] of POOLS) {
  t.test(`${name}: what is sealed opens`, async t => {
    for (const size of [1, 1000, LARGE]) {
      const body = await sealedBody(pool, 9, pattern(size))
      const opened = await pool.open({ key: streamKey().chunk(9), index: 9, body })
      t.equal(print(opened), print(pattern(size)))
    }
  })

  t.test(`${name}: a chunk that does not verify is undefined`, async t => {
    for (const size of [1000, LARGE]) {
      const body = await sealedBody(pool, 0, pattern(size))
      body[20] = (body[20] ?? 0) ^ 4
      t.equal(await pool.open({ key: streamKey().chunk(0), index: 0, body }), undefined)
    }
  })

  t.test(`${name}: large buffers are detached after the hand-over, or are the result`, async t => {
    const key = streamKey().chunk(0)
    const data = pattern(LARGE)
    const { ciphertext, tag } = await pool.seal({ key, index: 0, data })
    t.ok(data.buffer.detached || (data.buffer === ciphertext.buffer && pool.threads === 0))
    const body = Buffer.concat([Buffer.from('RSFL'), u64(0), ciphertext, tag])
    const inside = Uint8Array.from(body).subarray(4)
    const opened = await pool.open({ key, index: 0, body: inside })
    t.equal(print(opened), print(pattern(LARGE)), 'a view of a frame')
    t.ok(inside.buffer.detached || (inside.buffer === opened?.buffer && pool.threads === 0))
  })

  t.test(`${name}: many tasks at once each get their own result`, async t => {
    const bodies = await Promise.all(Array.from({ length: 8 }, (_, i) => sealedBody(pool, i, pattern(LARGE, i))))
    const opened = await Promise.all(
      bodies.map((body, index) => pool.open({ key: streamKey().chunk(index), index, body }))
    )
    for (const [i, plaintext] of opened.entries()) t.equal(print(plaintext), print(pattern(LARGE, i)))
  })

  t.test(`${name}: unwraps a stream key`, async t => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const streamId = pattern(32)
    const ciphertext = wrapKey(publicKey, streamId, pattern(32, 7))
    t.equal(print(await pool.unwrap({ privateKey, streamId, ciphertext })), print(pattern(32, 7)))
    t.equal(await pool.unwrap({ privateKey, streamId: pattern(32, 1), ciphertext }), undefined)
  })
}

t.test('threads as asked for; none by default until chunks have been measured; 0 is inline', async t => {
  await using asked = createPool({ threads: 3 })
  t.equal(asked.threads, 3)
  t.equal(createPool().threads, 0)
  t.equal(createPool({ threads: 0 }).threads, 0)
  t.equal(inlinePool().threads, 0)
})

t.test('a worker that dies rejects its tasks, and the pool goes on', async t => {
  const workers: Worker[] = []
  const notice = (worker: Worker): void => void workers.push(worker)
  process.on('worker', notice)
  t.teardown(() => process.off('worker', notice))
  await using pool = createPool({ threads: 1 })
  await sealedBody(pool, 0, pattern(LARGE))
  const tasks = Array.from({ length: 4 }, (_, i) => sealedBody(pool, i, pattern(16 * LARGE, i)))
  const settled = Promise.allSettled(tasks)
  t.equal(workers.length, 1)
  await workers[0]?.terminate()
  const rejected = (await settled).filter(({ status }) => status === 'rejected')
  t.ok(rejected.length > 0, 'nothing hangs')
  t.ok((await sealedBody(pool, 0, pattern(LARGE))).byteLength > LARGE, 'another thread takes over')
})

t.test('close lets tasks under way finish; afterwards no large task starts', async t => {
  const pool = createPool({ threads: 1 })
  const sealing = sealedBody(pool, 0, pattern(LARGE))
  await sealedBody(pool, 1, pattern(LARGE))
  await pool.close()
  t.equal((await sealing).byteLength, LARGE + 24)
  await t.rejects(
    sealedBody(pool, 2, pattern(LARGE)),
    /^internal: the pool is closed$|^Error: internal: the pool is closed$/
  )
  await t.resolves(pool.close(), 'twice is harmless')
  await t.resolves(createPool({ threads: 1 }).close(), 'no thread was ever started')
})
