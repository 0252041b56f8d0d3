import { pipe } from 'it-pipe'
import { DEFAULT_CHUNK_SIZE } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import type { StreamKey } from '../workers/stream-key.ts'
import { type SignCheckpoint, sealCheckpoints } from './checkpoints.ts'
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
 *   3. checkpoints       (sequential)  with `sign` only: of a stream for several recipients
 *   4. frame             (sequential)
 *
 * Memory: `inFlight` chunks and the piece being written. An error or an early stop closes the source.
 *
 * @param header the `STRM` frame that belongs to `key`
 * @param options.sign signs checkpoints; wanted if, and only if, the header has more than one stanza (SPEC §7.5)
 */
export function outbound(
  header: Frame,
  { sign, ...options }: OutboundOptions & { sign?: SignCheckpoint | undefined }
): Stage<Uint8Array, Uint8Array> {
  const { key, size: chunkSize = DEFAULT_CHUNK_SIZE, idle } = options
  const pauses = idle === undefined ? {} : { idle }
  return async function* (source) {
    yield Uint8Array.from(MAGIC)
    yield* frame()([header])
    if (sign) yield* pipe(source, sealed(options), sealCheckpoints(key, { sign, chunkSize, ...pauses }), frame())
    else yield* pipe(source, sealed(options), frame())
  }
}
