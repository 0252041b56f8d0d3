import { pipe } from 'it-pipe'
import type { CipherPool } from '../workers/pool.ts'
import type { StreamKey } from '../workers/stream-key.ts'
import { type ChunkOptions, chunk } from './chunk.ts'
import { frame } from './frame.ts'
import { MAGIC } from './header.ts'
import { seal, type WindowOptions } from './seal.ts'
import type { Frame, SealedChunk, Stage } from './types.ts'

export interface OutboundOptions extends ChunkOptions, WindowOptions {
  pool: CipherPool
  key: StreamKey
}

/**
 * Plaintext in, sealed chunks out: the way of every file, through a pipe as through a session.
 *
 *   1. chunk  (sequential)  pieces of any size become chunks
 *   2. seal   (parallel)    in the pool, in order again behind it
 */
export function sealed({ pool, key, ...options }: OutboundOptions): Stage<Uint8Array, SealedChunk> {
  return source => pipe(source, chunk(options), seal(pool, key, options))
}

/**
 * Plaintext in, a whole one-way stream out: magic, header, chunks, final frame (SPEC §7).
 *
 *   1. magic and header  (sequential)
 *   2. chunk, seal       (as above)
 *   3. frame             (sequential)
 *
 * Memory: `inFlight` chunks and the piece being written. An error or an early stop closes the source.
 *
 * @param header the `STRM` frame that belongs to `key`
 */
export function outbound(header: Frame, options: OutboundOptions): Stage<Uint8Array, Uint8Array> {
  return async function* (source) {
    yield Uint8Array.from(MAGIC)
    yield* frame()([header])
    yield* pipe(source, sealed(options), frame())
  }
}
