import {
  createCipheriv,
  createHash,
  createPrivateKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  scryptSync
} from 'node:crypto'
import { promisify } from 'node:util'
import { SftError } from '../../streams/errors.ts'
import { integer, octetString, oid, sequence } from './der.ts'
import { encodePem } from './pem.ts'

/** RSA keys as `KeyObject`s, and their form on disk (SPEC §4.2). */

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const MIN_BITS = 2048
const MAX_BITS = 4096
const EXPONENT = 65537n

/** OWASP's row for 16 MiB. A larger N is refused by OpenSSL's reader of PBES2, which allows scrypt less than 32 MiB. */
const SCRYPT = { N: 2 ** 14, r: 8, p: 5 } as const

const PBES2 = '1.2.840.113549.1.5.13'
const SCRYPT_OID = '1.3.6.1.4.1.11591.4.11'
const AES_256_CBC = '2.16.840.1.101.3.4.1.42'

const generate = promisify(generateKeyPair)

/**
 * Makes an RSA key pair with e = 65537; 0.1 to 1 s of CPU, off the main thread.
 *
 * @param bits - 2,048 to 4,096.
 * @throws SftError ERR_SFT_USAGE for another size.
 */
export async function generateRsaKey(bits = 3072): Promise<KeyPair> {
  if (!Number.isInteger(bits) || bits < MIN_BITS || bits > MAX_BITS)
    throw new SftError('ERR_SFT_USAGE', `an RSA key has ${MIN_BITS} to ${MAX_BITS} bits`)
  return generate('rsa', { modulusLength: bits })
}

/** True for a key that SPEC §4.2 allows: RSA, 2,048 to 4,096 bits, e = 65537. */
export function isAcceptableKey(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {}
  const isRsa = key.asymmetricKeyType === 'rsa'
  return isRsa && modulusLength >= MIN_BITS && modulusLength <= MAX_BITS && publicExponent === EXPONENT
}

/** Hashes a public key: SHA-256 of its SubjectPublicKeyInfo in DER, 32 bytes, the caller's own. */
export function spkiHash(publicKey: KeyObject): Uint8Array {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return new Uint8Array(createHash('sha256').update(der).digest())
}

/** The key identifier of a public key (RFC 7093 §2, method 4): the hash cut to the usual 160 bits. */
export function keyId(publicKey: KeyObject): Uint8Array {
  return spkiHash(publicKey).subarray(0, 20)
}

/** True when a PEM text holds an encrypted private key. */
export function isEncrypted(pem: string): boolean {
  return pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----')
}

/**
 * Encrypts a private key: PKCS#8 PEM under PBES2 with scrypt (RFC 7914 §7) and AES-256-CBC, which OpenSSL reads. Node's own export
 * has PBKDF2 with 2,048 rounds, too few.
 *
 * @param passphrase - bytes of the caller, who zeroes them; not empty, at most 1,024.
 * @throws SftError ERR_SFT_USAGE for a passphrase of another length.
 */
export function encryptPrivateKey(key: KeyObject, passphrase: Uint8Array): string {
  if (passphrase.byteLength === 0 || passphrase.byteLength > 1024)
    throw new SftError('ERR_SFT_USAGE', 'a passphrase has 1 to 1,024 bytes')
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const derived = scryptSync(passphrase, salt, 32, SCRYPT)
  const plain = key.export({ type: 'pkcs8', format: 'der' })
  const cipher = createCipheriv('aes-256-cbc', derived, iv)
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
  derived.fill(0)
  plain.fill(0)
  const kdf = sequence(
    oid(SCRYPT_OID),
    sequence(octetString(salt), integer(SCRYPT.N), integer(SCRYPT.r), integer(SCRYPT.p))
  )
  const scheme = sequence(oid(PBES2), sequence(kdf, sequence(oid(AES_256_CBC), octetString(iv))))
  return encodePem('ENCRYPTED PRIVATE KEY', sequence(scheme, octetString(ciphertext)))
}

/**
 * Reads a private key from PEM.
 *
 * @param passphrase - bytes of the caller, who zeroes them; ignored for a key in the clear.
 * @throws SftError ERR_SFT_SECRET_UNAVAILABLE for an encrypted key without a passphrase, ERR_SFT_PASSPHRASE for a wrong one,
 *   ERR_SFT_FILE for text that holds no key.
 */
export function parsePrivateKey(pem: string, passphrase?: Uint8Array): KeyObject {
  if (!isEncrypted(pem)) return parsePlainKey(pem)
  if (passphrase === undefined)
    throw new SftError('ERR_SFT_SECRET_UNAVAILABLE', 'the private key is encrypted and no passphrase was given')
  try {
    return createPrivateKey({
      key: pem,
      passphrase: Buffer.from(passphrase.buffer, passphrase.byteOffset, passphrase.byteLength)
    })
  } catch (cause) {
    throw new SftError('ERR_SFT_PASSPHRASE', 'the passphrase does not open the private key', { cause })
  }
}

/** Where a passphrase comes from: asked at most once a call. The maker of the bytes zeroes them when that call has settled. */
export type PassphraseSource = () => Promise<Uint8Array | undefined>

/** A source that is asked once, however often its answer is wanted. */
export function askOnce(source: PassphraseSource = async () => undefined): PassphraseSource {
  let answer: Promise<Uint8Array | undefined> | undefined
  return () => {
    answer ??= source()
    return answer
  }
}

/**
 * Reads a private key from PEM, asking for the passphrase only if the key is encrypted.
 *
 * @throws SftError as `parsePrivateKey`, and what the source throws.
 */
export async function unlockPrivateKey(pem: string, passphrase?: PassphraseSource): Promise<KeyObject> {
  return parsePrivateKey(pem, isEncrypted(pem) ? await passphrase?.() : undefined)
}

/** Writes a private key as PKCS#8 PEM, encrypted if there is a passphrase; the file must be private in both cases. */
export function storePrivateKey(key: KeyObject, passphrase: Uint8Array | undefined): string {
  if (passphrase !== undefined) return encryptPrivateKey(key, passphrase)
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function parsePlainKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', 'the file holds no private key', { cause })
  }
}
