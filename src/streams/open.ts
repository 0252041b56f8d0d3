import { open as openBytes } from '../workers/aead.ts'
import { release } from '../workers/buffers.ts'
import { CHUNK_OVERHEAD, INDEX_BYTES, MAX_STREAM_BYTES, u64 } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import type { StreamKey } from '../workers/stream-key.ts'
import { BlockSizes } from '../workers/strict-blocks.ts'
import type { OpenTask } from '../workers/tasks.ts'
import { SftError } from './errors.ts'
import { typeBytes } from './frame-types.ts'
import { mapOrdered } from './map-ordered.ts'
import { defaultInFlight, type WindowOptions } from './seal.ts'
import type { ReceivedFrame, Source, Stage } from './types.ts'

export interface OpenOptions extends WindowOptions {
  /** Chunk size of the stream's header in bytes. */
  chunkSize: number
  /** The header says that chunks vary in size. */
  variable: boolean
}

interface Progress {
  index: number
  bytes: number
  final: Uint8Array | undefined
}

/**
 * Opens: `RSFL` frames and `FINL` flow in (owned), verified plaintext flows out, each piece in a buffer that the consumer owns.
 * Ends only after a `FINL` that fits and the end of the source; no byte leaves before its chunk has verified (SPEC §7, M23, M29–M32). Memory: `inFlight` chunks.
 *
 * @throws SftError ERR_SFT_CHUNK_AUTH, _CHUNK_ORDER, _CHUNK_SIZE, ERR_SFT_FINAL, ERR_SFT_TRUNCATED, ERR_SFT_TRAILING, ERR_SFT_FRAME_TYPE, ERR_SFT_LIMIT.
 */
export function open(pool: CipherPool, key: StreamKey, options: OpenOptions): Stage<ReceivedFrame, Uint8Array> {
  const { inFlight = () => defaultInFlight(pool), firstChunk = 0 } = options
  return async function* (source) {
    const last = requireFullBlocks(options)
    const progress: Progress = { index: firstChunk, bytes: 0, final: undefined }
    const opened = mapOrdered(inFlight, openWith(pool), release)
    for await (const plaintext of opened(checkOrder(source, key, options, progress))) {
      last(plaintext.byteLength)
      yield plaintext
    }
    verifyFinal(key, progress, firstChunk)
  }
}

/** (sequential) Checks index, size and place of every frame before any of them costs a decryption. */
async function* checkOrder(
  source: Source<ReceivedFrame>,
  key: StreamKey,
  options: OpenOptions,
  progress: Progress
): AsyncGenerator<OpenTask> {
  const requireSize = sizeCheck(options)
  for await (const { type, body } of source) {
    if (progress.final) throw new SftError('ERR_SFT_TRAILING', 'data after the end of the stream')
    if (type === 'FINL') {
      progress.final = body
      continue
    }
    if (type !== 'RSFL') throw new SftError('ERR_SFT_FRAME_TYPE', `frame ${type} inside a stream`)
    const size = body.byteLength - CHUNK_OVERHEAD
    requireSize(size)
    yield { key: key.chunk(progress.index), index: expectIndex(body, progress), body, blocks: options.blocks }
    progress.bytes += size
    if (progress.bytes > MAX_STREAM_BYTES) throw new SftError('ERR_SFT_LIMIT', 'a stream holds at most 2^48 bytes')
  }
  if (!progress.final) throw new SftError('ERR_SFT_TRUNCATED', 'the stream ends without its final frame')
}

/** Every chunk but the last is full, of whole blocks, unless they vary (M30, M161). */
function sizeCheck({ blocks, chunkSize, variable }: OpenOptions): (size: number) => void {
  const sizes = blocks && new BlockSizes(blocks.key)
  const full = sizes?.full(chunkSize) ?? chunkSize
  const unit = sizes?.block ?? 1
  let short = false
  return size => {
    if (size < 1 || size > full || size % unit !== 0 || short)
      throw new SftError('ERR_SFT_CHUNK_SIZE', 'chunk has a wrong size')
    short = !variable && size < full
  }
}

/** Of the strict suite: only the last block of a file may be short, which shows once it is open (M162). */
function requireFullBlocks({ blocks, chunkSize, variable }: OpenOptions): (bytes: number) => void {
  if (!blocks || variable) return () => {}
  const sizes = new BlockSizes(blocks.key)
  let short = false
  return bytes => {
    if (short) throw new SftError('ERR_SFT_CHUNK_SIZE', 'a block before the last is not full')
    short = bytes < sizes.plain(chunkSize)
  }
}

function expectIndex(body: Uint8Array, progress: Progress): number {
  const index = Buffer.from(body.buffer, body.byteOffset, INDEX_BYTES).readBigUInt64BE()
  if (index !== BigInt(progress.index)) throw new SftError('ERR_SFT_CHUNK_ORDER', 'chunk is not the next one')
  return progress.index++
}

function openWith(pool: CipherPool): (task: OpenTask) => Promise<Uint8Array<ArrayBuffer>> {
  return async task => {
    const plaintext = await pool.open(task)
    if (plaintext === undefined) throw new SftError('ERR_SFT_CHUNK_AUTH', 'chunk failed authentication')
    return plaintext
  }
}

/** (sequential) `FINL` must say what was seen: end index, bytes, first chunk (M32). */
function verifyFinal(key: StreamKey, progress: Progress, firstChunk: number): void {
  const seen = Buffer.concat([u64(progress.index), u64(progress.bytes), u64(firstChunk)])
  const claimed = progress.final && openBytes(key.final, progress.index, typeBytes('FINL'), progress.final)
  if (!claimed || !seen.equals(claimed))
    throw new SftError('ERR_SFT_FINAL', 'the final frame does not match the stream')
}
