import { type AeadKey, open, type Sealed, seal } from './aead.ts'
import { release } from './buffers.ts'
import { nonceFor, SUITE_IDS, TAG_BYTES } from './construction.ts'
import { type NativeAead, nativeAead, whyNotNative } from './native/addon.ts'

/**
 * The AEAD of the hot path, over buffers that the callee owns. Fresh memory is what costs most there: the addon turns a buffer into its
 * ciphertext or plaintext where it stands; node:crypto fills a new one, and the old one is released at once.
 */
export interface OwnedAead {
  /** Seals `plaintext` (owned, consumed) as message `index`. */
  seal(key: AeadKey, index: number, aad: Uint8Array, plaintext: Uint8Array<ArrayBuffer>): Sealed
  /**
   * Opens `ciphertext ‖ tag` (owned, consumed also when it does not verify) as message `index`.
   *
   * @returns the plaintext, perhaps as a view of the buffer it came in; `undefined` when it does not verify.
   */
  open(
    key: AeadKey,
    index: number,
    aad: Uint8Array,
    sealed: Uint8Array<ArrayBuffer>
  ): Uint8Array<ArrayBuffer> | undefined
}

export const nodeAead: OwnedAead = {
  seal(key, index, aad, plaintext) {
    const sealed = seal(key, index, aad, plaintext)
    release(plaintext)
    return sealed
  },
  open(key, index, aad, sealed) {
    const plaintext = open(key, index, aad, sealed)
    release(sealed)
    return plaintext
  }
}

export function inPlaceAead(native: NativeAead): OwnedAead {
  return {
    seal(key, index, aad, plaintext) {
      const tag = new Uint8Array(TAG_BYTES)
      withRawKey(key, raw => native.seal(SUITE_IDS[key.suite], raw, nonceFor(key.iv, index), aad, plaintext, tag))
      return { ciphertext: plaintext, tag }
    },
    open(key, index, aad, sealed) {
      const size = sealed.byteLength - TAG_BYTES
      const data = sealed.subarray(0, Math.max(0, size))
      const opens =
        size >= 0 &&
        withRawKey(key, raw =>
          native.open(SUITE_IDS[key.suite], raw, nonceFor(key.iv, index), aad, data, sealed.subarray(size))
        )
      if (opens) return data
      release(sealed)
      return undefined
    }
  }
}

/** Exporting costs less than a microsecond, so no raw key is kept between two calls. */
function withRawKey<T>({ key }: AeadKey, use: (raw: Uint8Array) => T): T {
  const raw = key.export()
  try {
    return use(raw)
  } finally {
    raw.fill(0)
  }
}

let chosen: OwnedAead | undefined

/** The fastest there is here; chosen once a thread. */
export function ownedAead(): OwnedAead {
  if (chosen === undefined) {
    const native = nativeAead()
    chosen = native ? inPlaceAead(native) : nodeAead
  }
  return chosen
}

export interface AeadBackend {
  readonly name: 'native' | 'node:crypto'
  /** Why it is not the native one. */
  readonly reason?: string
}

/** What seals and opens chunks here. */
export function aeadBackend(): AeadBackend {
  const reason = whyNotNative()
  return reason === undefined ? { name: 'native' } : { name: 'node:crypto', reason }
}
