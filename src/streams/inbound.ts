import { CHUNK_OVERHEAD } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import type { StreamKey } from '../workers/stream-key.ts'
import type { BlockKey } from '../workers/strict-blocks.ts'
import { openCheckpoints, type VerifyCheckpoint } from './checkpoints.ts'
import { SftError } from './errors.ts'
import { CONTROL_CAP, TYPE_BYTES } from './frame-types.ts'
import type { GatherOptions } from './gather.ts'
import { type ParsedHeader, parseHeader } from './header.ts'
import { stripMagic } from './magic.ts'
import { open } from './open.ts'
import type { WindowOptions } from './seal.ts'
import type { ReceivedFrame, Stage } from './types.ts'
import { unframe } from './unframe.ts'

/** What a header gives away to whom it is for. */
export interface StreamOpening {
  key: StreamKey
  /** Whether the sender signed a checkpoint; asked in a stream for several recipients only (SPEC §7.5). */
  verify: VerifyCheckpoint
  /** The reader's key for the blocks of the strict suite (SPEC §7.6). */
  blocks?: BlockKey | undefined
}

export interface InboundOptions extends GatherOptions, WindowOptions {
  pool: CipherPool
  /** Opens a header: finds and checks the key, and whatever else must hold before a byte is released. */
  openHeader: (header: ParsedHeader) => Promise<StreamOpening>
}

/** Largest `length` of an `RSFL` frame of a stream (SPEC §3). */
export function chunkFrameCap(chunkSize: number): number {
  return TYPE_BYTES + chunkSize + CHUNK_OVERHEAD
}

/**
 * A whole one-way stream in, verified plaintext out (SPEC §7); the mirror of `outbound`.
 *
 *   1. magic, unframe  (sequential)  the first frame is the header, `openHeader` gives its key
 *   2. checkpoints     (sequential)  of a stream for several recipients
 *   3. open            (parallel)    in the pool, in order again behind it
 *   4. final frame     (sequential)  and nothing after it
 *
 * Memory: `inFlight` chunks, one frame being read, one piece of the source; for several recipients also what `openCheckpoints` holds. An error or an early stop closes the source.
 */
export function inbound(options: InboundOptions): Stage<Uint8Array, Uint8Array> {
  const { pool, openHeader, inFlight } = options
  return async function* (source) {
    let cap = CONTROL_CAP
    const frames = unframe({ ...options, cap: () => cap, last: 'FINL' })(stripMagic()(source))
    try {
      const header = await readHeader(frames)
      const { key, verify, blocks } = await openHeader(header)
      cap = chunkFrameCap(header.chunkSize)
      const signed = header.stanzas.length > 1 ? openCheckpoints(key, verify)(frames) : frames
      yield* open(pool, key, { ...header, blocks, ...(inFlight && { inFlight }) })(signed)
    } finally {
      await frames.return()
    }
  }
}

async function readHeader(frames: AsyncGenerator<ReceivedFrame>): Promise<ParsedHeader> {
  const first = await frames.next()
  if (first.done) throw new SftError('ERR_SFT_TRUNCATED', 'the stream ends before its header')
  const { type, body } = first.value as ReceivedFrame
  if (type !== 'STRM') throw new SftError('ERR_SFT_FRAME_TYPE', `frame ${type} in the place of the stream header`)
  return parseHeader(body)
}
