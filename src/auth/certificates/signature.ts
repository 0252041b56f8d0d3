import { constants, type KeyObject, sign, verify } from 'node:crypto'

/** RSASSA-PSS with SHA-256 and a salt of exactly 32 bytes. Node verifies other salt lengths unless told (M1). */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } as const

/** Signs `text`, which must start with a context string of its own use (SPEC §4.2); the private operation runs beside the main thread. */
export function signPss(privateKey: KeyObject, text: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign('sha256', text, { key: privateKey, ...PSS }, (error, signature) => {
      if (error) reject(error)
      else resolve(signature)
    })
  })
}

export function verifyPss(publicKey: KeyObject, text: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', text, { key: publicKey, ...PSS }, signature)
}
