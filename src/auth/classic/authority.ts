import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import type { Issuer } from '../certificates/certificate.ts'
import { generateRsaKey, type PassphraseSource, storePrivateKey, unlockPrivateKey } from '../certificates/keys.ts'
import {
  exists,
  makePrivateDirectory,
  readPrivate,
  readSmallFile,
  syncDirectory,
  writePrivate
} from '../identity/private-file.ts'
import { parseClassicRoot } from './certificate.ts'
import { createClassicRoot } from './issuance.ts'

/** A classic authority on its disk: `root.crt`, which clients get, and `root.key`. There is one key for everything (A25), so it stands alone. */

const FILE = { certificate: 'root.crt', key: 'root.key' } as const
/** What is handed out. */
const PUBLIC = 0o644
/** As the published root: a login payload of 512 bytes, a certificate of 1,554. */
const ROOT_BITS = 4096

export interface InitClassicOptions {
  /** Bytes of the caller, who zeroes them; the key is stored in the clear without. */
  readonly passphrase?: Uint8Array | undefined
  /** The root of a system that there is: certificate in PEM, key in PEM or PKCS#1 DER. */
  readonly adopt?: { readonly certificate: Uint8Array; readonly key: Uint8Array } | undefined
  readonly bits?: number | undefined
}

/** Whether a classic authority is in a directory. */
export function hasClassicAuthority(directory: string): Promise<boolean> {
  return exists(join(directory, FILE.certificate))
}

/**
 * Makes a classic authority, or takes over the root of one.
 *
 * @returns its root, the path of which is told to clients
 * @throws SftError ERR_SFT_EXISTS, ERR_SFT_FILE; ERR_SFT_CERT_USAGE for an adopted root that is none, or whose key is another.
 */
export async function initClassicAuthority(
  directory: string,
  { passphrase, adopt, bits = ROOT_BITS }: InitClassicOptions = {}
): Promise<{ root: X509Certificate; path: string }> {
  const { certificate, privateKey } = adopt ? adopted(adopt) : await madeRoot(bits)
  await makePrivateDirectory(directory)
  await writePrivate(join(directory, FILE.key), storePrivateKey(privateKey, passphrase))
  const path = join(directory, FILE.certificate)
  await writePrivate(path, certificate.toString(), PUBLIC)
  await syncDirectory(directory)
  return { root: certificate, path }
}

/** @throws SftError ERR_SFT_NOT_FOUND when there is none; ERR_SFT_FILE, ERR_SFT_PASSPHRASE and what the source throws. */
export async function openClassicAuthority(directory: string, passphrase?: PassphraseSource): Promise<Issuer> {
  const [pem, key] = [
    await readSmallFile(join(directory, FILE.certificate)),
    await readPrivate(join(directory, FILE.key))
  ]
  if (pem === undefined || key === undefined)
    throw new SftError('ERR_SFT_NOT_FOUND', 'there is no classic authority in this directory')
  const certificate = parseClassicRoot(Buffer.from(pem))
  return { certificate, privateKey: requirePair(certificate, await unlockPrivateKey(key, passphrase)) }
}

async function madeRoot(bits: number): Promise<Issuer> {
  const key = await generateRsaKey(bits)
  return { certificate: createClassicRoot(key), privateKey: key.privateKey }
}

function adopted({ certificate: pem, key }: { certificate: Uint8Array; key: Uint8Array }): Issuer {
  const certificate = parseClassicRoot(pem)
  return { certificate, privateKey: requirePair(certificate, parseKey(Buffer.from(key))) }
}

function parseKey(bytes: Buffer): KeyObject {
  try {
    if (bytes.includes('-----BEGIN ')) return createPrivateKey(bytes)
    return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs1' })
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', 'the file holds no private key that is open', { cause })
  }
}

function requirePair(certificate: X509Certificate, key: KeyObject): KeyObject {
  if (certificate.checkPrivateKey(key)) return key
  throw new SftError('ERR_SFT_CERT_USAGE', 'the key is not that of the classic root')
}
