import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'

/**
 * Blocks of the classic system (SPEC §14): RSA-OAEP with SHA-256, MGF1-SHA-256 and no label. Anybody who has the public key can make one, so a block
 * proves nothing of who made it.
 */

/** Bytes of a file in one block. */
export const CLASSIC_BLOCK = 100

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const

/** Bytes of one block under a key: those of its modulus. */
export function blockSize(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
}

/** Most bytes that one block can hold: for names and logins, which are in one each. */
export function blockCapacity(key: KeyObject): number {
  return blockSize(key) - 66
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

/** Encrypts a piece of a file, 100 bytes a block; the last may be shorter. */
export function encryptBlocks(key: KeyObject, data: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = []
  for (let offset = 0; offset < data.byteLength; offset += CLASSIC_BLOCK)
    blocks.push(encryptBlock(key, data.subarray(offset, offset + CLASSIC_BLOCK)))
  return blocks
}

/** Decrypts blocks in their order; `undefined` stands for one that does not open. */
export function decryptBlocks(key: KeyObject, blocks: readonly Uint8Array[]): (Uint8Array | undefined)[] {
  return blocks.map(block => decryptBlock(key, block))
}
