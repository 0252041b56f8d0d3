import { createPublicKey, type KeyObject } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { blockCapacity, decryptBlock, encryptBlock } from '../../workers/classic-blocks.ts'
import { readElement, readFields, TAG } from '../certificates/der.ts'
import { isAcceptableKey } from '../certificates/keys.ts'
import { encodePem } from '../certificates/pem.ts'

/** The body of `POST /verify` (SPEC §14.4), as Python's json.dumps writes it. */

/** Bytes of the longest body. */
export const MAX_LOGIN_BODY = 16 * 1024
const BASE64 = /^[A-Za-z0-9+/]{4,4096}={0,2}$/
const PKCS1 = /^-----BEGIN RSA PUBLIC KEY-----[A-Za-z0-9+/=\s]{64,2048}-----END RSA PUBLIC KEY-----\s*$/

/** What stands in a body. The key is outside what is encrypted: the classic system has no way to bind it (A1). */
export interface ClassicLogin {
  /** RSA-OAEP under the root's key. */
  readonly payload: Uint8Array
  readonly publicKey: KeyObject
}

/**
 * Writes a body.
 *
 * @throws SftError ERR_SFT_LIMIT when name and password do not fit into one block of the root's key.
 */
export function encodeLogin(
  root: KeyObject,
  { name, password, publicKey }: { name: string; password: string; publicKey: KeyObject }
): string {
  const secret = Buffer.from(`{"name": ${JSON.stringify(name)}, "password": ${JSON.stringify(password)}}`)
  if (secret.byteLength > blockCapacity(root))
    throw new SftError('ERR_SFT_LIMIT', 'name and password are too long for the classic system')
  const payload = Buffer.from(encryptBlock(root, secret))
  secret.fill(0)
  return formatLogin({ payload, publicKey })
}

/** The same bytes again of what `parseLogin` has read. */
export function formatLogin({ payload, publicKey }: ClassicLogin): string {
  const pem = encodePem('RSA PUBLIC KEY', pkcs1Of(publicKey))
  return `{"payload": ${JSON.stringify(Buffer.from(payload).toString('base64'))}, "public_key": ${JSON.stringify(pem)}}`
}

/** Reads a body; `undefined` for one that lacks a field, or whose key is no RSA key of 2,048 to 4,096 bits. */
export function parseLogin(body: Uint8Array): ClassicLogin | undefined {
  const { payload, public_key: pem } = parseObject(Buffer.from(body).toString('utf8'))
  if (typeof payload !== 'string' || typeof pem !== 'string' || !BASE64.test(payload) || !PKCS1.test(pem))
    return undefined
  const publicKey = parseKey(pem)
  return publicKey && { payload: Buffer.from(payload, 'base64'), publicKey }
}

/** Opens what is encrypted: one RSA private operation. `undefined` for every failure alike. */
export function openLogin(root: KeyObject, payload: Uint8Array): { name: string; password: string } | undefined {
  const secret = decryptBlock(root, payload)
  if (secret === undefined) return undefined
  const { name, password } = parseObject(Buffer.from(secret).toString('utf8'))
  secret.fill(0)
  return typeof name === 'string' && typeof password === 'string' ? { name, password } : undefined
}

/** The key inside its SubjectPublicKeyInfo; node:crypto does not export as PKCS#1 what it has read as such (24.21). */
function pkcs1Of(publicKey: KeyObject): Uint8Array {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const [, key] = readFields(readElement(spki, TAG.sequence), [TAG.sequence, TAG.bitString])
  // behind the number of unused bits, 0
  return key.contents.subarray(1)
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem)
    return isAcceptableKey(key) ? key : undefined
  } catch {
    // no key
    return undefined
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // no JSON: it lacks every field
    return {}
  }
}
