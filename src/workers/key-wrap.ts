import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto'
import { KEY_BYTES } from './construction.ts'

const LABEL = Buffer.from('sft/1 wrap', 'latin1')

function oaep(key: KeyObject, streamId: Uint8Array) {
  const oaepLabel = Buffer.concat([LABEL, streamId])
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel }
}

/** Wraps a 32-byte stream key to an RSA public key, RSA-OAEP-SHA-256 under the label of its stream (SPEC §7.1). */
export function wrapKey(publicKey: KeyObject, streamId: Uint8Array, key: Uint8Array): Uint8Array {
  return publicEncrypt(oaep(publicKey, streamId), key)
}

/** Unwraps a stream key: one RSA private operation. `undefined` for every failure alike. */
export function unwrapKey(privateKey: KeyObject, streamId: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  try {
    const key = privateDecrypt(oaep(privateKey, streamId), ciphertext)
    return key.byteLength === KEY_BYTES ? key : undefined
  } catch {
    return undefined
  }
}
