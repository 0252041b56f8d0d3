import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The people of the vectors: keys and certificates of `keys/test-keys.json`, which are public and protect nothing. */

interface KeyFile {
  readonly org: string
  readonly keys: Readonly<Record<string, string>>
  readonly certificates: Readonly<Record<string, string>>
}

const FILE = JSON.parse(readFileSync(new URL('keys/test-keys.json', import.meta.url), 'utf8')) as KeyFile

export interface Party {
  readonly name: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** DER of leaf and issuing CA. */
  readonly chain: readonly Buffer[]
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly spkiHash: Buffer
}

export const ORG = FILE.org

export function certificate(name: string): Buffer {
  const text = FILE.certificates[name]
  if (text === undefined) throw new Error(`no certificate ${name}`)
  return Buffer.from(text, 'base64')
}

export const ROOT = new X509Certificate(certificate('root'))

export function party(name: string): Party {
  const key = Buffer.from(FILE.keys[name] ?? '', 'base64')
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const chain = [certificate(name), certificate('issuing')]
  return { name, privateKey, publicKey, chain, spkiHash: createHash('sha256').update(spki).digest() }
}
