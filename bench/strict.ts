import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type CipherPool, createPool, deriveStreamKey, inlinePool, open, seal } from '../src/index.ts'
import { chunk } from '../src/streams/chunk.ts'
import type { ReceivedFrame } from '../src/streams/types.ts'
import { STRICT_CHUNK_SIZE } from '../src/workers/construction.ts'
import { BlockSizes } from '../src/workers/strict-blocks.ts'
import type { Micro, MicroCase, MicroRow } from './micro.ts'

/** The stage `open` of the strict suite beside what the processors can do at best: RSA private operations and nothing else, in all of them. */

/** Full chunks in a step. */
const CHUNKS = 8
const KEY_BITS = 2048

/** Does as many private operations as it is told. */
const OPERATIONS = `
  const { constants, privateDecrypt } = require('node:crypto')
  const { parentPort, workerData: { key, block } } = require('node:worker_threads')
  const options = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.alloc(55) }
  parentPort.on('message', count => {
    let done = 0
    for (; done < count; done++) privateDecrypt(options, block)
    parentPort.postMessage(done)
  })`

/** Bytes of a file that so many operations open at best. */
function operations(): Micro {
  const { publicKey, privateKey } = keyPair()
  const { publicEncrypt, constants } = process.getBuiltinModule('node:crypto')
  const { capacity } = new BlockSizes(publicKey)
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.alloc(55) }
  const block = publicEncrypt({ key: publicKey, ...oaep }, randomBytes(capacity))
  const count = operationsOf(publicKey)
  const workers = Array.from(
    { length: availableParallelism() },
    () => new Worker(OPERATIONS, { eval: true, workerData: { key: privateKey, block } })
  )
  const run = async (each: number): Promise<number> => {
    const done = workers.map(worker => once(worker, 'message') as Promise<[number]>)
    for (const worker of workers) worker.postMessage(each)
    return (await Promise.all(done)).reduce((sum, [more]) => sum + more, 0)
  }
  return {
    check: async () => {
      if ((await run(1)) !== workers.length) throw new Error('a thread did nothing')
    },
    step: async () => (await run(Math.ceil(count / workers.length))) * capacity,
    close: async () => void (await Promise.all(workers.map(worker => worker.terminate())))
  }
}

function opening(threads: number): Micro {
  const { publicKey, privateKey } = keyPair()
  const pool: CipherPool = threads === 0 ? inlinePool() : createPool({ threads })
  const streamId = randomBytes(32)
  const key = deriveStreamKey('rsa-oaep', streamId, randomBytes(32), randomBytes(32))
  const size = new BlockSizes(publicKey).plain(STRICT_CHUNK_SIZE)
  const plaintext = randomBytes(CHUNKS * size)
  const frames: ReceivedFrame[] = []
  const read = async (): Promise<Uint8Array[]> => {
    // each is consumed
    const source = frames.map(({ type, body }) => ({ type, body: Uint8Array.from(body) }))
    const options = { chunkSize: STRICT_CHUNK_SIZE, variable: false, blocks: { key: privateKey, streamId } }
    const pieces: Uint8Array[] = []
    for await (const piece of open(pool, key, options)(source)) pieces.push(piece)
    return pieces
  }
  return {
    async check() {
      const blocks = { key: publicKey, streamId }
      for await (const { type, body } of seal(pool, key, { blocks })(chunk({ size, blocks })([plaintext])))
        frames.push({ type, body: Uint8Array.from(Buffer.concat(body)) })
      if (!Buffer.concat(await read()).equals(plaintext)) throw new Error('round trip failed')
    },
    async step() {
      await read()
      return plaintext.byteLength
    },
    close: () => pool.close()
  }
}

function keyPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('rsa', { modulusLength: KEY_BITS })
}

function operationsOf(key: KeyObject): number {
  const { block } = new BlockSizes(key)
  return CHUNKS * Math.floor(STRICT_CHUNK_SIZE / block)
}

function row(threads: number, name: string): MicroRow {
  return { name, prepare: () => opening(threads) }
}

const all = availableParallelism()

export const strict: MicroCase = {
  name: 'strict',
  title: `Strict suite, RSA-${KEY_BITS}: the open stage ÷ private operations`,
  unit: 'MB/s',
  rows: [
    { name: `private operations only, ${all} threads`, baseline: true, prepare: operations },
    row(all, `open stage, ${all} threads`),
    row(1, 'open stage, 1 thread'),
    row(0, 'open stage, inline')
  ]
}
