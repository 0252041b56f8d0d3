import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import {
  generateRsaKey,
  type KeyPair,
  type PassphraseSource,
  storePrivateKey,
  unlockPrivateKey
} from '../certificates/keys.ts'
import {
  exists,
  makePrivateDirectory,
  readPrivate,
  readSmallFile,
  replacePrivate,
  syncDirectory,
  writePrivate
} from '../identity/private-file.ts'
import { isAlias, parseAlias } from './alias.ts'
import { parseClassicRoot, verifyClassicCertificate } from './certificate.ts'

/** Who one is in the classic system, on disk: a directory for each alias, with key, certificate and the root that is trusted, apart from everything native. */

export interface ClassicIdentity extends KeyPair {
  readonly alias: string
  readonly root: X509Certificate
  readonly certificate: X509Certificate
  /** The certificate as it came, and as it is shown. */
  readonly pem: Uint8Array
}

const FILE = { key: 'key.pem', certificate: 'certificate.pem', root: 'root.crt' } as const
/** What the classic system makes, and what its peers can read. */
const KEY_BITS = 2048

export interface ClassicKeyOptions {
  /** For a key that is there. */
  readonly passphrase?: PassphraseSource | undefined
  /** For one that is made; `undefined` stores it in the clear. The maker of the bytes zeroes them. */
  readonly newPassphrase?: PassphraseSource | undefined
}

/**
 * The key of an alias: made once, and then always the same.
 *
 * @throws SftError ERR_SFT_FILE, ERR_SFT_PASSPHRASE, and what the sources throw.
 */
export async function classicKey(clients: string, alias: string, options: ClassicKeyOptions = {}): Promise<KeyPair> {
  const directory = join(clients, parseAlias(alias))
  const stored = await readPrivate(join(directory, FILE.key))
  if (stored !== undefined) return pairOf(await unlockPrivateKey(stored, options.passphrase))
  const key = await generateRsaKey(KEY_BITS)
  const text = storePrivateKey(key.privateKey, await options.newPassphrase?.())
  await makePrivateDirectory(directory)
  await writePrivate(join(directory, FILE.key), text)
  return key
}

/** The root that is pinned for an alias; `undefined` before the first login. */
export async function classicRootOf(clients: string, alias: string): Promise<X509Certificate | undefined> {
  const pem = await readSmallFile(join(clients, parseAlias(alias), FILE.root))
  return pem === undefined ? undefined : parseClassicRoot(Buffer.from(pem))
}

/** Keeps a certificate, and with the first one its root. @throws SftError ERR_SFT_FILE. */
export async function keepClassicCertificate(clients: string, { alias, root, pem }: ClassicIdentity): Promise<void> {
  const directory = join(clients, alias)
  if (!(await exists(join(directory, FILE.root)))) await writePrivate(join(directory, FILE.root), root.toString())
  await replacePrivate(join(directory, FILE.certificate), Buffer.from(pem).toString('latin1'))
  await syncDirectory(directory)
}

/**
 * Opens an identity and checks it.
 *
 * @param alias may be left out where there is one only
 * @throws SftError ERR_SFT_NO_IDENTITY; ERR_SFT_CERT_EXPIRED and other codes of `verifyClassicCertificate`; ERR_SFT_FILE, ERR_SFT_PASSPHRASE.
 */
export async function loadClassicIdentity(
  clients: string,
  { alias, passphrase }: { alias?: string | undefined; passphrase?: PassphraseSource | undefined } = {}
): Promise<ClassicIdentity> {
  const name = alias === undefined ? await soleAlias(clients) : parseAlias(alias)
  const directory = join(clients, name)
  const root = await classicRootOf(clients, name)
  const text = await readSmallFile(join(directory, FILE.certificate))
  const key = await readPrivate(join(directory, FILE.key))
  if (root === undefined || text === undefined || key === undefined)
    throw noIdentity(`there is no classic identity ${name}`)
  const pem = Buffer.from(text)
  const { certificate, publicKey } = verifyClassicCertificate(pem, { root, alias: name })
  const pair = pairOf(await unlockPrivateKey(key, passphrase))
  requireKey(publicKey, pair.publicKey)
  return { alias: name, root, certificate, pem, ...pair }
}

/**
 * The same identity with the certificate that a later login has left, where there is one; no passphrase is needed for that. A server that runs for longer than ten
 * days shows it from then on.
 *
 * @throws SftError the codes of `verifyClassicCertificate` for one that is stored and no good; ERR_SFT_FILE.
 */
export async function withCurrentCertificate(clients: string, identity: ClassicIdentity): Promise<ClassicIdentity> {
  const { alias, root } = identity
  const text = await readSmallFile(join(clients, alias, FILE.certificate))
  if (text === undefined || Buffer.from(text).equals(identity.pem)) return identity
  const pem = Buffer.from(text)
  const { certificate, publicKey } = verifyClassicCertificate(pem, { root, alias })
  requireKey(publicKey, identity.publicKey)
  return { ...identity, certificate, pem }
}

function requireKey(certified: KeyObject, own: KeyObject): void {
  if (!certified.equals(own)) throw new SftError('ERR_SFT_CERT_NAME', 'the classic certificate is of another key')
}

async function soleAlias(clients: string): Promise<string> {
  const found = (await readdir(clients).catch(() => [] as string[])).filter(isAlias)
  const [only] = found
  if (only === undefined) throw noIdentity('there is no classic identity here')
  if (found.length > 1)
    throw new SftError('ERR_SFT_USAGE', 'there is more than one classic identity', { hint: '--alias says which' })
  return only
}

function noIdentity(message: string): SftError {
  return new SftError('ERR_SFT_NO_IDENTITY', message, { hint: 'sft classic login gets one from a classic auth server' })
}

function pairOf(privateKey: KeyObject): KeyPair {
  return { privateKey, publicKey: createPublicKey(privateKey) }
}
