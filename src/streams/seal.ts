import type { Sealed } from '../workers/aead.ts'
import { seal as sealBytes } from '../workers/aead.ts'
import { release } from '../workers/buffers.ts'
import { MAX_STREAM_BYTES, u64 } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import type { StreamKey } from '../workers/stream-key.ts'
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
  const { inFlight = () => defaultInFlight(pool), firstChunk = 0 } = options
  return async function* (source) {
    const total = { index: firstChunk, bytes: 0 }
    const sealed = mapOrdered(inFlight, sealWith(pool), ({ ciphertext }) => release(ciphertext))
    for await (const next of sealed(assignIndices(source, key, total))) yield chunkFrame(next)
    yield finalFrame(key, total.index, total.bytes, firstChunk)
  }
}

async function* assignIndices(
  source: Source<Chunk>,
  key: StreamKey,
  total: { index: number; bytes: number }
): AsyncGenerator<SealTask> {
  for await (const data of source) {
    total.bytes += data.byteLength
    if (total.bytes > MAX_STREAM_BYTES) throw new SftError('ERR_SFT_LIMIT', 'a stream holds at most 2^48 bytes')
    yield { key: key.chunk(total.index), index: total.index++, data }
  }
}

function sealWith(pool: CipherPool): (task: SealTask) => Promise<Sealed & { index: number }> {
  return async task => ({ ...(await pool.seal(task)), index: task.index })
}

function chunkFrame({ index, ciphertext, tag }: Sealed & { index: number }): SealedChunk {
  return { type: 'RSFL', body: [u64(index), ciphertext, tag] } as unknown as SealedChunk
}

/** `FINL`: what the receiver must have seen by now (SPEC §7.3). */
function finalFrame(key: StreamKey, end: number, bytes: number, firstChunk: number): SealedChunk {
  const plaintext = Buffer.concat([u64(end), u64(bytes), u64(firstChunk)])
  const { ciphertext, tag } = sealBytes(key.final, end, typeBytes('FINL'), plaintext)
  return { type: 'FINL', body: [ciphertext, tag] } as unknown as SealedChunk
}
