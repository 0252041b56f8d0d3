import { pipe } from 'it-pipe'
import t from 'tap'
import { chunk } from '../src/streams/chunk.ts'
import { SftError, type SftErrorCode } from '../src/streams/errors.ts'
import { frame } from '../src/streams/frame.ts'
import { open } from '../src/streams/open.ts'
import { seal } from '../src/streams/seal.ts'
import type { Chunk, Frame, SealedChunk } from '../src/streams/types.ts'
import { unframe } from '../src/streams/unframe.ts'
import { inlinePool } from '../src/workers/pool.ts'
import { C, collect, join, pattern, print, streamKey } from './fixtures/bytes.ts'

/**
 * Wrong orders of stages do not compile: `npm run check` fails for an `@ts-expect-error` that expects nothing. What runs here only shows that the
 * right order does what the types say.
 */

const pool = inlinePool()
const key = streamKey()
const openOptions = { chunkSize: C, variable: false }
const bytes: Uint8Array[] = []
const chunks: Chunk[] = []
const sealedChunks: SealedChunk[] = []

/** Never called: only its types count. */
export function wrongOrders(): unknown[] {
  return [
    // @ts-expect-error framing an unsealed chunk
    frame()(chunks),
    // @ts-expect-error framing bytes
    frame()(bytes),
    // @ts-expect-error sealing twice
    seal(pool, key)(sealedChunks),
    // @ts-expect-error sealing what was not chunked
    seal(pool, key)(bytes),
    // @ts-expect-error opening unframed bytes
    open(pool, key, openOptions)(bytes),
    // @ts-expect-error opening chunks that were never received
    open(pool, key, openOptions)(sealedChunks),
    // @ts-expect-error opening without a chunk size
    open(pool, key)([]),
    // @ts-expect-error chunking sealed chunks
    chunk()(sealedChunks),
    // @ts-expect-error unframing chunks of frames
    unframe({ cap: C })(sealedChunks),
    // @ts-expect-error unframing without a cap
    unframe(),
    // @ts-expect-error unframing twice
    unframe({ cap: C })(unframe({ cap: C })(bytes)),
    // @ts-expect-error opening twice
    open(pool, key, openOptions)(open(pool, key, openOptions)([])),
    // @ts-expect-error bytes are no chunk by themselves
    [pattern(1)] satisfies Chunk[],
    // @ts-expect-error a frame of the right type is not yet a sealed chunk
    { type: 'RSFL', body: [] } satisfies SealedChunk,
    // @ts-expect-error a type of frame that does not exist
    { type: 'XXXX', body: [] } satisfies Frame,
    // @ts-expect-error a code that is not in the list
    new SftError('ERR_SFT_NO_SUCH_CODE', 'never'),
    // @ts-expect-error a pool is an argument, never a default
    seal(key)
  ]
}

/** A `switch` over a code narrows, so that a caller's list can be checked. */
export function isPeerFault(code: SftErrorCode): boolean {
  switch (code) {
    case 'ERR_SFT_CHUNK_AUTH':
    case 'ERR_SFT_FINAL':
      return true
    // @ts-expect-error not one of them
    case 'ERR_SFT_CHUNK':
      return true
    default:
      return false
  }
}

t.test('the right order', async t => {
  const framed = pipe([pattern(C + 5)], chunk({ size: C }), seal(pool, key), frame())
  const received = await collect(unframe({ cap: 4 + C + 24 })(framed))
  t.equal(print(await join(open(pool, key, openOptions)(received))), print(pattern(C + 5)))
})
