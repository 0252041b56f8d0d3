/**
 * The chunked AEAD on paper (SPEC §7.2, §7.4): sizes, limits and nonces. It imports nothing, so that whoever wants to check
 * the arithmetic reads one page.
 */

export const AEADS = ['aes-256-gcm', 'chacha20-poly1305'] as const
export type Aead = (typeof AEADS)[number]
/** `rsa-oaep` is the strict one: every byte of a file inside a block under the receiver's key, and the blocks sealed like any bytes (SPEC §7.6). */
export const SUITES = [...AEADS, 'rsa-oaep'] as const
export type Suite = (typeof SUITES)[number]

/** Wire numbers of the suites (SPEC §1). */
export const SUITE_IDS: Readonly<Record<Suite, number>> = {
  'aes-256-gcm': 1,
  'chacha20-poly1305': 2,
  'rsa-oaep': 3
}

/** Of a file id (SPEC §8.4). */
export const FILE_ID_BYTES = 32
export const KEY_BYTES = 32
export const IV_BYTES = 12
export const TAG_BYTES = 16
/** `u64 index` in front of every sealed chunk. */
export const INDEX_BYTES = 8
/** What sealing adds to a chunk inside its frame body. */
export const CHUNK_OVERHEAD = INDEX_BYTES + TAG_BYTES

export const MIN_CHUNK_SIZE = 2 ** 14
export const MAX_CHUNK_SIZE = 2 ** 20
/** One chunk, one pool task, one frame: about 1 MiB makes the hand-over between threads cheap. */
export const DEFAULT_CHUNK_SIZE = 2 ** 20
/** Largest chunk of the strict suite: one is the receiver's work for a fraction of a second. */
export const STRICT_CHUNK_SIZE = 2 ** 16

/** Chunks under one group key. */
export const GROUP_CHUNKS = 2 ** 16
/** Largest plaintext of one stream in bytes. */
export const MAX_STREAM_BYTES = 2 ** 48

/** What seals under a suite. */
export function aeadOf(suite: Suite): Aead {
  return suite === 'rsa-oaep' ? 'aes-256-gcm' : suite
}

/** True for a power of two from 16 KiB to 1 MiB. */
export function isChunkSize(size: number): boolean {
  return size >= MIN_CHUNK_SIZE && size <= MAX_CHUNK_SIZE && Number.isInteger(Math.log2(size))
}

/** The group whose key seals chunk `index`. */
export function groupOf(index: number): number {
  return Math.floor(index / GROUP_CHUNKS)
}

/** `u64 index`, big-endian. */
export function u64(index: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(index))
  return bytes
}

/** Nonce of message `index`: `iv` with the u64 index XORed into its last 8 bytes (SPEC §1). */
export function nonceFor(iv: Uint8Array, index: number): Uint8Array<ArrayBuffer> {
  const nonce = Uint8Array.from(iv)
  const view = new DataView(nonce.buffer)
  view.setBigUint64(IV_BYTES - 8, view.getBigUint64(IV_BYTES - 8) ^ BigInt(index))
  return nonce
}

/** Bytes of all `RSFL` bodies that `plain` bytes become in full chunks of `chunkSize`. */
export function sealedSize(plain: number, chunkSize: number): number {
  return plain + Math.ceil(plain / chunkSize) * CHUNK_OVERHEAD
}

/** Inverse of `sealedSize`; `undefined` for a size that no plaintext of full chunks becomes. */
export function plainSize(sealed: number, chunkSize: number): number | undefined {
  const rest = sealed % (chunkSize + CHUNK_OVERHEAD)
  if (rest !== 0 && rest <= CHUNK_OVERHEAD) return undefined
  return sealed - Math.ceil(sealed / (chunkSize + CHUNK_OVERHEAD)) * CHUNK_OVERHEAD
}
