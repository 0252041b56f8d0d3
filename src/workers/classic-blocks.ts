import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'
import { allocate } from './buffers.ts'

/**
 * Blocks of the classic system (SPEC §14.2): RSA-OAEP with SHA-256, MGF1-SHA-256 and no label. Anybody who has the public key can make one, so a block
 * proves nothing of who made it.
 */

/** Bytes of a file in one block. */
export const CLASSIC_BLOCK = 100
/** What OAEP with SHA-256 takes of a block. */
const OAEP_OVERHEAD = 66

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const

/** Bytes of one block under a key: those of its modulus. */
export function blockSize(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
}

/** Most bytes that one block can hold: for names and logins, which are in one each. */
export function blockCapacity(key: KeyObject): number {
  return blockSize(key) - OAEP_OVERHEAD
}

/** @param data at most `blockCapacity(key)` bytes, borrowed */
export function encryptBlock(key: KeyObject, data: Uint8Array): Uint8Array {
  return publicEncrypt({ key, ...OAEP }, data)
}

/** One RSA private operation; `undefined` for every failure alike. */
export function decryptBlock(key: KeyObject, block: Uint8Array): Uint8Array | undefined {
  try {
    return privateDecrypt({ key, ...OAEP }, block)
  } catch {
    return undefined
  }
}

/** Encrypts a piece of a file, 100 bytes a block, the last with what is left; the blocks stand one behind the other. */
export function encryptBlocks(key: KeyObject, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = blockSize(key)
  const blocks = allocate(Math.ceil(data.byteLength / CLASSIC_BLOCK) * size)
  for (let i = 0; i * CLASSIC_BLOCK < data.byteLength; i++)
    blocks.set(encryptBlock(key, data.subarray(i * CLASSIC_BLOCK, (i + 1) * CLASSIC_BLOCK)), i * size)
  return blocks
}

/** What was in some blocks, one behind the other. */
export interface OpenedBlocks {
  readonly data: Uint8Array<ArrayBuffer>
  /** Bytes of each; -1 for one that does not open. */
  readonly sizes: readonly number[]
}

/** Decrypts blocks that stand one behind the other. */
export function decryptBlocks(key: KeyObject, blocks: Uint8Array): OpenedBlocks {
  const size = blockSize(key)
  const opened: (Uint8Array | undefined)[] = []
  for (let offset = 0; offset < blocks.byteLength; offset += size)
    opened.push(decryptBlock(key, blocks.subarray(offset, offset + size)))
  const data = allocate(opened.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0))
  let offset = 0
  for (const part of opened) {
    data.set(part ?? [], offset)
    offset += part?.byteLength ?? 0
  }
  return { data, sizes: opened.map(part => part?.byteLength ?? -1) }
}
