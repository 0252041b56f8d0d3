import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

const HASH_BYTES = 32

/** HKDF-Extract with SHA-256 (RFC 5869 §2.2): 32 bytes. */
export function extract(salt: Uint8Array, secret: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHmac('sha256', keyOf(salt)).update(secret).digest())
}

/** HKDF-Expand with SHA-256 (RFC 5869 §2.3): `length` bytes, at most 255 × 32. */
export function expand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length)
  const key = keyOf(prk)
  let block: Uint8Array = new Uint8Array(0)
  for (let offset = 0, counter = 1; offset < length; offset += HASH_BYTES, counter++) {
    block = createHmac('sha256', key).update(block).update(info).update(Uint8Array.of(counter)).digest()
    out.set(block.subarray(0, length - offset), offset)
  }
  block.fill(0)
  return out
}

/** Node 24 takes 3 µs for an HMAC under a `KeyObject` and 20 µs under raw bytes: it looks whether those might be one. */
function keyOf(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes)
}
