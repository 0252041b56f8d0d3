import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'
import { allocate } from './buffers.ts'
import { u64 } from './construction.ts'

/**
 * Blocks of the strict suite (SPEC §7.6): RSA-OAEP with SHA-256 under the receiver's certified key, each with a label of its own, so that no block passes for another.
 */

/** What OAEP with SHA-256 takes of a block. */
const OAEP_BYTES = 66
const LABEL = Buffer.from('sft/1 block', 'latin1')

/** Whose blocks, and of which stream. */
export interface BlockKey {
  /** Public to make them, private to open them. */
  readonly key: KeyObject
  readonly streamId: Uint8Array
}

/** How many bytes blocks of a key take and hold. */
export class BlockSizes {
  /** Bytes of a block: those of the modulus. */
  readonly block: number
  /** Bytes of a file in one. */
  readonly capacity: number

  constructor({ asymmetricKeyDetails }: KeyObject) {
    this.block = Math.ceil((asymmetricKeyDetails?.modulusLength ?? 0) / 8)
    this.capacity = this.block - OAEP_BYTES
  }

  /** Bytes of the blocks that so many bytes of a file become. */
  blocked(bytes: number): number {
    return Math.ceil(bytes / this.capacity) * this.block
  }

  /** Bytes of a full chunk: as many whole blocks as it has room for. */
  full(chunkSize: number): number {
    return chunkSize - (chunkSize % this.block)
  }

  /** Bytes of a file in a full chunk. */
  plain(chunkSize: number): number {
    return Math.floor(chunkSize / this.block) * this.capacity
  }
}

/** Makes the blocks of a chunk; they stand one behind the other. @param data borrowed */
export function encryptChunk({ key, streamId }: BlockKey, index: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const sizes = new BlockSizes(key)
  const { block, capacity } = sizes
  const blocks = allocate(sizes.blocked(data.byteLength))
  for (let i = 0; i * capacity < data.byteLength; i++) {
    const options = { key, ...OAEP, oaepLabel: labelOf(streamId, index, i) }
    blocks.set(publicEncrypt(options, data.subarray(i * capacity, (i + 1) * capacity)), i * block)
  }
  return blocks
}

/**
 * Opens the blocks of a chunk, whose AEAD has verified: one RSA private operation each.
 *
 * @param blocks borrowed
 * @returns `undefined` for every failure alike: a block that does not open, an empty one, or one before the last that is not full
 */
export function decryptChunk(
  { key, streamId }: BlockKey,
  index: number,
  blocks: Uint8Array
): Uint8Array<ArrayBuffer> | undefined {
  const { block, capacity } = new BlockSizes(key)
  const count = blocks.byteLength / block
  const data = allocate(count * capacity)
  let filled = 0
  for (let i = 0; i < count; i++) {
    const options = { key, ...OAEP, oaepLabel: labelOf(streamId, index, i) }
    const part = opened(() => privateDecrypt(options, blocks.subarray(i * block, (i + 1) * block)))
    if (!part || part.byteLength === 0 || (i < count - 1 && part.byteLength < capacity)) return undefined
    data.set(part, filled)
    filled += part.byteLength
  }
  return filled === data.byteLength ? data : new Uint8Array(data.buffer.transfer(filled))
}

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const

/** `"sft/1 block" ‖ stream id ‖ u64 chunk ‖ u32 block`. */
function labelOf(streamId: Uint8Array, index: number, block: number): Buffer {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(block)
  return Buffer.concat([LABEL, streamId, u64(index), number])
}

function opened(decrypt: () => Buffer): Buffer | undefined {
  try {
    return decrypt()
  } catch {
    return undefined
  }
}
