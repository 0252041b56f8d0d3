import type { Sealed } from '../workers/aead.ts'
import { seal as sealBytes } from '../workers/aead.ts'
import { release } from '../workers/buffers.ts'
import { MAX_STREAM_BYTES, u64 } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import type { StreamKey } from '../workers/stream-key.ts'
import { type BlockKey, BlockSizes } from '../workers/strict-blocks.ts'
import type { SealTask } from '../workers/tasks.ts'
import { SftError } from './errors.ts'
import { typeBytes } from './frame-types.ts'
import { mapOrdered } from './map-ordered.ts'
import type { Chunk, SealedChunk, Source, Stage } from './types.ts'

export interface WindowOptions {
  /** Chunks under way at once. Default: twice the threads of the pool, at least 2. Memory is this many chunks. */
  inFlight?: number
  /** Index of the first chunk. Default 0. */
  firstChunk?: number
  /** Of the strict suite (SPEC §7.6). */
  blocks?: BlockKey | undefined
}

/** Default size of the ordered window of a pool, as it is now. */
export function defaultInFlight(pool: CipherPool): number {
  return Math.max(2, 2 * pool.threads)
}

/**
 * Seals: chunks flow in (transferred), `RSFL` frames and at last `FINL` flow out (SPEC §7.2, §7.3).
 *
 *   1. index and key  (sequential)  nonces are fixed before the pool
 *   2. seal           (parallel)    in the pool
 *   3. frame body     (sequential)  in the order of 1
 *
 * A stream key seals one stream, once (M31). Memory: `inFlight` chunks. An error or an early stop awaits the tasks under way and closes the source.
 *
 * @throws SftError ERR_SFT_LIMIT beyond 2^48 bytes.
 */
export function seal(pool: CipherPool, key: StreamKey, options: WindowOptions = {}): Stage<Chunk, SealedChunk> {
  const { inFlight = () => defaultInFlight(pool), firstChunk = 0, blocks } = options
  return async function* (source) {
    const total = { index: firstChunk, bytes: 0 }
    const sealed = mapOrdered(inFlight, sealWith(pool), ({ ciphertext }) => release(ciphertext))
    for await (const next of sealed(assignIndices(source, key, total, blocks))) yield chunkFrame(next)
    yield finalFrame(key, total.index, total.bytes, firstChunk)
  }
}

async function* assignIndices(
  source: Source<Chunk>,
  key: StreamKey,
  total: { index: number; bytes: number },
  blocks: BlockKey | undefined
): AsyncGenerator<SealTask> {
  const sizes = blocks && new BlockSizes(blocks.key)
  for await (const data of source) {
    total.bytes += sizes?.blocked(data.byteLength) ?? data.byteLength
    if (total.bytes > MAX_STREAM_BYTES) throw new SftError('ERR_SFT_LIMIT', 'a stream holds at most 2^48 bytes')
    yield { key: key.chunk(total.index), index: total.index++, data, blocks }
  }
}

type SealedTask = Sealed & { index: number; plain: number }

function sealWith(pool: CipherPool): (task: SealTask) => Promise<SealedTask> {
  return async task => {
    const plain = task.data.byteLength
    return { ...(await pool.seal(task)), index: task.index, plain }
  }
}

function chunkFrame({ index, ciphertext, tag, plain }: SealedTask): SealedChunk {
  return { type: 'RSFL', body: [u64(index), ciphertext, tag], plain } as unknown as SealedChunk
}

/** `FINL`: what the receiver must have seen by now (SPEC §7.3). */
function finalFrame(key: StreamKey, end: number, bytes: number, firstChunk: number): SealedChunk {
  const plaintext = Buffer.concat([u64(end), u64(bytes), u64(firstChunk)])
  const { ciphertext, tag } = sealBytes(key.final, end, typeBytes('FINL'), plaintext)
  return { type: 'FINL', body: [ciphertext, tag], plain: 0 } as unknown as SealedChunk
}
