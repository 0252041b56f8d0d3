import { open as openBytes, seal as sealBytes } from '../workers/aead.ts'
import { release } from '../workers/buffers.ts'
import { CHUNK_OVERHEAD } from '../workers/construction.ts'
import type { StreamKey } from '../workers/stream-key.ts'
import { SftError } from './errors.ts'
import { typeBytes } from './frame-types.ts'
import { HashTree } from './hash-tree.ts'
import { IDLE, markIdle } from './idle.ts'
import { mapOrdered } from './map-ordered.ts'
import type { Frame, ReceivedFrame, SealedChunk, Source, Stage } from './types.ts'

/**
 * Signed checkpoints of a stream for several recipients (SPEC §7.5). They share its key, so each of them could seal other chunks; only the
 * sender can sign the hash of those that he sealed. A stream for one recipient never comes here.
 */

/** Plaintext that may wait for a signature, in bytes (M74). */
export const MAX_UNSIGNED_BYTES = 16 * 1024 * 1024
/** Chunks that may: as many of the smallest size have as many bytes. */
export const MAX_UNSIGNED_CHUNKS = 1024
const KINDS = { checkpoint: 0, final: 1 } as const

/** All chunks up to a place in a stream. */
export interface Checkpoint {
  /** It is the end of the stream. */
  readonly final: boolean
  readonly chunks: number
  /** Of their plaintext. */
  readonly bytes: number
  /** Hash of their sealed bodies (RFC 6962 §2.1), 32 bytes. */
  readonly root: Uint8Array
}

export type SignCheckpoint = (checkpoint: Checkpoint) => Promise<Uint8Array>
export type VerifyCheckpoint = (checkpoint: Checkpoint, signature: Uint8Array) => boolean

export interface SealCheckpointsOptions {
  sign: SignCheckpoint
  /** Largest chunk in bytes. */
  chunkSize: number
  /** Milliseconds after which what has come is signed when the source falls idle: the receiver holds it back until then. Default: never. */
  idle?: number
}

/**
 * Sealed chunks flow in, the same ones with `CKPT` frames between them flow out: one before the chunks without a signature could pass the limits of
 * M74, and the final one right before `FINL`. One SHA-256 over each body. Holds one frame.
 */
export function sealCheckpoints(key: StreamKey, options: SealCheckpointsOptions): Stage<SealedChunk, Frame> {
  const { idle } = options
  return source => withCheckpoints(idle === undefined ? source : markIdle(source, idle), key, options)
}

async function* withCheckpoints(
  source: Source<SealedChunk | typeof IDLE>,
  key: StreamKey,
  { sign, chunkSize }: SealCheckpointsOptions
): AsyncGenerator<Frame, void, undefined> {
  const tally = new Tally()
  const signed = async (final: boolean): Promise<Frame> => {
    const counter = tally.checkpoints
    return checkpointFrame(key, counter, final, await sign(tally.checkpoint(final)))
  }
  for await (const next of source) {
    if (next === IDLE) {
      if (tally.unsigned.chunks > 0) yield await signed(false)
      continue
    }
    if (next.type === 'FINL') yield await signed(true)
    else tally.add(next.body)
    yield next
    if (tally.isFullFor(chunkSize)) yield await signed(false)
  }
}

/**
 * Frames flow in (owned), those that the sender has signed flow out, without the `CKPT`s: no chunk before a checkpoint behind it has verified
 * (M73), and `FINL` only behind the final one. Memory: two times `MAX_UNSIGNED_BYTES`, since one lot is collected while the one before goes on.
 *
 * @throws SftError ERR_SFT_SIGNATURE for what the sender did not sign, or did not sign in time; ERR_SFT_CHUNK_SIZE.
 */
export function openCheckpoints(key: StreamKey, verify: VerifyCheckpoint): Stage<ReceivedFrame, ReceivedFrame> {
  const ahead = mapOrdered<ReceivedFrame[], ReceivedFrame[]>(
    2,
    async lot => lot,
    lot => lot.forEach(({ body }) => void release(body))
  )
  return async function* (source) {
    for await (const lot of ahead(signedLots(source, key, verify))) yield* lot
  }
}

/** What each checkpoint covers, and at last `FINL`. A type that is neither is for the stage behind to refuse. */
async function* signedLots(
  source: Source<ReceivedFrame>,
  key: StreamKey,
  verify: VerifyCheckpoint
): AsyncGenerator<ReceivedFrame[]> {
  const tally = new Tally()
  let lot: ReceivedFrame[] = []
  let final = false
  for await (const frame of source) {
    if (final !== (frame.type === 'FINL')) throw notSigned('the end is not the one that the sender signed')
    if (frame.type === 'RSFL') {
      tally.add([frame.body])
      tally.requireLimits()
      lot.push(frame)
    } else if (frame.type === 'CKPT') {
      final = verified(key, tally, frame.body, verify)
      yield lot
      lot = []
    } else {
      yield [frame]
    }
  }
}

/** True for the final checkpoint. */
function verified(key: StreamKey, tally: Tally, body: Uint8Array, verify: VerifyCheckpoint): boolean {
  const plaintext = openBytes(key.checkpoint, tally.checkpoints, typeBytes('CKPT'), body)
  const final = plaintext?.[0] === KINDS.final
  const isKnown = final || (plaintext?.[0] === KINDS.checkpoint && tally.unsigned.chunks > 0)
  if (!plaintext || !isKnown || !verify(tally.checkpoint(final), plaintext.subarray(1)))
    throw notSigned('a checkpoint does not fit the chunks before it')
  return final
}

function checkpointFrame(key: StreamKey, counter: number, final: boolean, signature: Uint8Array): Frame {
  const plaintext = Buffer.concat([Uint8Array.of(final ? KINDS.final : KINDS.checkpoint), signature])
  const { ciphertext, tag } = sealBytes(key.checkpoint, counter, typeBytes('CKPT'), plaintext)
  return { type: 'CKPT', body: [ciphertext, tag] }
}

function notSigned(message: string): SftError {
  return new SftError('ERR_SFT_SIGNATURE', message)
}

/** The chunks of a stream up to now, and those of them that no checkpoint covers yet. */
class Tally {
  readonly #tree = new HashTree()
  #bytes = 0
  readonly unsigned = { chunks: 0, bytes: 0 }
  /** Those that there were; the counter of the next one. */
  checkpoints = 0

  add(body: readonly Uint8Array[]): void {
    const size = body.reduce((sum, { byteLength }) => sum + byteLength, -CHUNK_OVERHEAD)
    if (size < 1) throw new SftError('ERR_SFT_CHUNK_SIZE', 'chunk has a wrong size')
    this.#tree.add(body)
    this.#bytes += size
    this.unsigned.chunks++
    this.unsigned.bytes += size
  }

  /** A chunk of `size` bytes could be one too many. */
  isFullFor(size: number): boolean {
    return this.unsigned.chunks === MAX_UNSIGNED_CHUNKS || this.unsigned.bytes + size > MAX_UNSIGNED_BYTES
  }

  requireLimits(): void {
    if (this.unsigned.chunks > MAX_UNSIGNED_CHUNKS || this.unsigned.bytes > MAX_UNSIGNED_BYTES)
      throw notSigned('too much came without a signature of the sender')
  }

  /** Everything up to now; from here on the limits count anew. */
  checkpoint(final: boolean): Checkpoint {
    this.unsigned.chunks = 0
    this.unsigned.bytes = 0
    this.checkpoints++
    return { final, chunks: this.#tree.leaves, bytes: this.#bytes, root: this.#tree.root() }
  }
}
