import t from 'tap'
import { adaptivePool } from '../../src/workers/adaptive-pool.ts'
import { threadsFor } from '../../src/workers/placement.ts'
import { type CipherPool, inlinePool } from '../../src/workers/pool.ts'
import { pattern, streamKey } from '../fixtures/bytes.ts'

const MIB = 1024 * 1024

/** An inline pool that takes so many ms a MiB. */
function slowPool(ms: number): CipherPool {
  const wait = (bytes: number): void => {
    for (const end = performance.now() + (ms * bytes) / MIB; performance.now() < end; );
  }
  const pool = inlinePool()
  return {
    ...pool,
    seal: task => {
      wait(task.data.byteLength)
      return pool.seal(task)
    }
  }
}

function made(ms: number, processors: number) {
  const started: number[] = []
  const threaded = (threads: number): CipherPool => {
    started.push(threads)
    return { ...inlinePool(), threads }
  }
  return { pool: adaptivePool({ inline: slowPool(ms), threaded, processors }), started }
}

async function seal(pool: CipherPool, bytes: number, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await pool.seal({ key: streamKey().chunk(index), index, data: pattern(bytes) })
  }
}

t.test('threads by processors and by what a megabyte takes', t => {
  const rows: [number, number, number][] = [
    [1, 5, 0],
    [2, 0.1, 0],
    [2, 0.35, 0],
    [2, 2, 1],
    [4, 0.1, 0],
    [4, 0.35, 2],
    [8, 0.35, 2],
    [8, 1, 5],
    [8, 50, 7],
    [32, 50, 8]
  ]
  for (const [processors, ms, threads] of rows) t.equal(threadsFor(processors, ms), threads, `${processors}, ${ms} ms`)
  t.end()
})

t.test('a slow cipher moves to threads after the chunks that were measured', async t => {
  const { pool, started } = made(20, 8)
  await seal(pool, 256 * 1024, 7)
  t.equal(pool.threads, 0)
  await seal(pool, 256 * 1024, 1)
  t.equal(pool.threads, 7)
  await seal(pool, 256 * 1024, 3)
  t.same(started, [7], 'once')
})

t.test('on one processor nothing moves', async t => {
  const { pool, started } = made(20, 1)
  await seal(pool, 256 * 1024, 12)
  t.same([pool.threads, started], [0, []])
})

t.test('small chunks decide nothing', async t => {
  const { pool, started } = made(1000, 8)
  await seal(pool, 1024, 50)
  t.same([pool.threads, started], [0, []])
})

t.test('what was sealed before the move opens after it', async t => {
  const { pool } = made(20, 8)
  const key = streamKey().chunk(0)
  const { ciphertext, tag } = await pool.seal({ key, index: 0, data: pattern(1000) })
  await seal(pool, 256 * 1024, 8)
  const body = Uint8Array.from(Buffer.concat([new Uint8Array(8), ciphertext, tag]))
  t.same(Buffer.from((await pool.open({ key, index: 0, body })) ?? []), Buffer.from(pattern(1000)))
})
