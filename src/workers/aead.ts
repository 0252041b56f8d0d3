import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { type Aead, nonceFor, TAG_BYTES } from './construction.ts'

/** A key of one suite with its base nonce; seals each index once. */
export interface AeadKey {
  readonly suite: Aead
  readonly key: KeyObject
  readonly iv: Uint8Array
}

/** Ciphertext in an ArrayBuffer that nobody else uses, and the 16-byte tag. */
export interface Sealed {
  readonly ciphertext: Uint8Array<ArrayBuffer>
  readonly tag: Uint8Array<ArrayBuffer>
}

// `authTagLength` is always given: without it GCM takes a tag of 4 bytes for a good one.
const OPTIONS = { authTagLength: TAG_BYTES }

/** Seals `plaintext` (borrowed) as message `index`: nonce = iv ⊕ index (SPEC §1). Allocates as many bytes as it is given. */
export function seal(key: AeadKey, index: number, aad: Uint8Array, plaintext: Uint8Array): Sealed {
  const cipher = createCipheriv(key.suite as 'aes-256-gcm', key.key, nonceFor(key.iv, index), OPTIONS)
  cipher.setAAD(aad, { plaintextLength: plaintext.byteLength })
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return { ciphertext, tag: Uint8Array.from(cipher.getAuthTag()) }
}

/**
 * Opens `ciphertext ‖ tag` (borrowed) as message `index`.
 *
 * @returns the plaintext in an ArrayBuffer of its own, or `undefined` when it does not verify; nothing unverified leaves this function.
 */
export function open(
  key: AeadKey,
  index: number,
  aad: Uint8Array,
  sealed: Uint8Array
): Uint8Array<ArrayBuffer> | undefined {
  const size = sealed.byteLength - TAG_BYTES
  if (size < 0) return undefined
  const decipher = createDecipheriv(key.suite as 'aes-256-gcm', key.key, nonceFor(key.iv, index), OPTIONS)
  decipher.setAAD(aad, { plaintextLength: size })
  decipher.setAuthTag(sealed.subarray(size))
  const plaintext = decipher.update(sealed.subarray(0, size))
  return verifies(decipher) ? plaintext : undefined
}

/** `final()` throws for a wrong tag, and for nothing else once the whole input is in. */
function verifies(decipher: { final(): Uint8Array }): boolean {
  try {
    decipher.final()
    return true
  } catch {
    return false
  }
}
