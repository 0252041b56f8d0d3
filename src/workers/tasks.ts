import type { KeyObject } from 'node:crypto'
import type { AeadKey, Sealed } from './aead.ts'
import { release } from './buffers.ts'
import { INDEX_BYTES, u64 } from './construction.ts'
import { unwrapKey } from './key-wrap.ts'
import { ownedAead } from './owned-aead.ts'
import { type BlockKey, decryptChunk, encryptChunk } from './strict-blocks.ts'

/** What a pool does, inline or in a thread. Tasks own the buffers they are given: they become the result, or are released at once. */

export interface SealTask {
  readonly key: AeadKey
  readonly index: number
  /** Plaintext of one chunk; consumed. */
  readonly data: Uint8Array<ArrayBuffer>
  /** Of the strict suite: the data goes into blocks under the receiver's public key first. */
  readonly blocks?: BlockKey | undefined
}

export interface OpenTask {
  readonly key: AeadKey
  readonly index: number
  /** Body of an `RSFL` frame, `u64 index ‖ ciphertext ‖ tag`; consumed. */
  readonly body: Uint8Array<ArrayBuffer>
  /** Of the strict suite: what opens is blocks under the reader's key. */
  readonly blocks?: BlockKey | undefined
}

export interface UnwrapTask {
  readonly privateKey: KeyObject
  readonly streamId: Uint8Array
  readonly ciphertext: Uint8Array
}

const RSFL = Buffer.from('RSFL', 'latin1')

/** AAD of chunk `index`: `"RSFL" ‖ u64 index` (SPEC §7.2). */
function chunkAad(index: number): Uint8Array {
  return Buffer.concat([RSFL, u64(index)])
}

export function sealTask({ key, index, data, blocks }: SealTask): Sealed {
  if (!blocks) return ownedAead().seal(key, index, chunkAad(index), data)
  const encrypted = encryptChunk(blocks, index, data)
  release(data)
  return ownedAead().seal(key, index, chunkAad(index), encrypted)
}

export function openTask({ key, index, body, blocks }: OpenTask): Uint8Array<ArrayBuffer> | undefined {
  const opened = ownedAead().open(key, index, chunkAad(index), body.subarray(INDEX_BYTES))
  // only what has verified costs a private operation, and tells nothing by how it fails (Manger 2001)
  return opened && blocks ? decryptChunk(blocks, index, opened) : opened
}

export function unwrapTask({ privateKey, streamId, ciphertext }: UnwrapTask): Uint8Array | undefined {
  return unwrapKey(privateKey, streamId, ciphertext)
}
