import { createHash, createSecretKey } from 'node:crypto'
import type { AeadKey } from './aead.ts'
import { aeadOf, groupOf, IV_BYTES, KEY_BYTES, type Suite } from './construction.ts'
import { expand, extract } from './hkdf.ts'

/** The keys of one stream (SPEC §7). One stream key seals one stream. */
export interface StreamKey {
  readonly suite: Suite
  /** 32 bytes that commit to the key and the clear header (M24). */
  readonly commitment: Uint8Array
  /** Seals the header of a pipe, once. */
  readonly header: AeadKey
  /** Seals `CKPT` (SPEC §7.5). */
  readonly checkpoint: AeadKey
  /** Seals `FINL`. */
  readonly final: AeadKey
  /** Key and base nonce of the group that chunk `index` belongs to. */
  chunk(index: number): AeadKey
}

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1')

/**
 * Derives the keys of a stream from its secret (`K` of a pipe, `K_stream` of a session).
 *
 * @param clear the header body up to the commitment; its hash is `H0`
 */
export function deriveStreamKey(suite: Suite, streamId: Uint8Array, secret: Uint8Array, clear: Uint8Array): StreamKey {
  const prk = extract(streamId, secret)
  const h0 = createHash('sha256').update(clear).digest()
  const derive = (label: string, length: number, context: Uint8Array = new Uint8Array(0)): Uint8Array =>
    expand(prk, Buffer.concat([text(label), h0, context]), length)
  const aeadKey = (label: string, context?: Uint8Array): AeadKey =>
    splitKey(suite, derive(label, KEY_BYTES + IV_BYTES, context))
  let current: { group: number; key: AeadKey } | undefined
  let checkpoint: AeadKey | undefined
  return {
    suite,
    commitment: derive('sft/1 commit', 32),
    // made on demand: only a pipe has one
    get header() {
      return aeadKey('sft/1 hdr')
    },
    // only a stream for several recipients has one
    get checkpoint() {
      checkpoint ??= aeadKey('sft/1 ckpt')
      return checkpoint
    },
    final: aeadKey('sft/1 fin'),
    chunk(index) {
      const group = groupOf(index)
      if (current?.group !== group) current = { group, key: aeadKey('sft/1 chunk', u32(group)) }
      return current.key
    }
  }
}

/** Splits `key[32] ‖ iv[12]`; the key moves behind a `KeyObject`, which threads share, and the bytes are zeroed. */
export function splitKey(suite: Suite, secret: Uint8Array): AeadKey {
  const key = createSecretKey(secret.subarray(0, KEY_BYTES))
  const iv = Uint8Array.from(secret.subarray(KEY_BYTES))
  secret.fill(0)
  return { suite: aeadOf(suite), key, iv }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}
