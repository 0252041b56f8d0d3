import type { KeyObject, X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import type { Issuer } from '../certificates/certificate.ts'
import { type RevocationList, signCrl } from '../certificates/crl.ts'
import { createIssuing, createRoot, issueLeaf, issueServer } from '../certificates/issuance.ts'
import {
  generateRsaKey,
  type PassphraseSource,
  spkiHash,
  storePrivateKey,
  unlockPrivateKey
} from '../certificates/keys.ts'
import { parseOrganisation } from '../certificates/names.ts'
import { verifyPath } from '../certificates/path.ts'
import { decodeCertificate } from '../certificates/pem.ts'
import {
  makePrivateDirectory,
  readPrivate,
  readSmallFile,
  syncDirectory,
  writePrivate
} from '../identity/private-file.ts'

/** The certificate authority of an organisation, in one directory (SPEC §4.2). It knows keys and certificates, not HTTP and not passwords. */

const FILE = {
  rootKey: 'root.key',
  root: 'root.crt',
  issuingKey: 'issuing.key',
  issuing: 'issuing.crt',
  description: 'authority.json'
} as const
/** The store of an authority that names no other. */
const USERS = 'users.db'
/** Certificates are handed out. */
const PUBLIC = 0o644

export interface AuthorityOptions {
  readonly org: string
  /** Size of both keys; 3,072 by default. */
  readonly bits?: number
  /** Where users and certificates are kept: `postgres://…`; an SQLite file in the directory by default. */
  readonly store?: string | undefined
  /** Bytes of the caller, who zeroes them; the keys are stored in the clear without. */
  readonly passphrase?: Uint8Array | undefined
}

/** An authority that can issue. The root key is not loaded: it may be kept elsewhere. */
export interface Authority {
  readonly org: string
  readonly root: X509Certificate
  readonly issuing: X509Certificate
  /** SHA-256 of the issuing CA's SPKI in hex. */
  readonly issuerId: string
  /** Certifies a member's key; the chain to send: DER of leaf and issuing CA. `ttl` in milliseconds. */
  issueLeaf(publicKey: KeyObject, name: string, ttl?: number): readonly Uint8Array[]
  /** Certifies the auth server's TLS key for `hosts`; PEM of leaf and issuing CA. `ttl` in milliseconds. */
  issueServer(publicKey: KeyObject, hosts: readonly string[], ttl?: number): string
  /** Signs a revocation list of the issuing CA; DER. */
  signList(list: RevocationList): Uint8Array
}

/**
 * Makes the keys and certificates of an organisation in a directory, which is made with mode 0700 if need be. `authority.json` comes
 * last: a directory without it is no authority. What was written is removed when something fails.
 *
 * @throws SftError ERR_SFT_EXISTS when the directory has any file of an authority; ERR_SFT_USAGE; ERR_SFT_FILE.
 */
export async function initAuthority(directory: string, options: AuthorityOptions): Promise<void> {
  const org = parseOrganisation(options.org)
  const store = options.store === undefined ? {} : { store: parseStore(options.store) }
  await refuseExisting(directory)
  const [rootKey, issuingKey] = await Promise.all([generateRsaKey(options.bits), generateRsaKey(options.bits)])
  const root = createRoot(org, rootKey)
  const issuing = createIssuing({ certificate: root, privateKey: rootKey.privateKey }, org, issuingKey.publicKey)
  const stored = (key: KeyObject): string => storePrivateKey(key, options.passphrase)
  await makePrivateDirectory(directory)
  await writeAll(directory, [
    { name: FILE.rootKey, text: stored(rootKey.privateKey) },
    { name: FILE.root, text: root.toString(), mode: PUBLIC },
    { name: FILE.issuingKey, text: stored(issuingKey.privateKey) },
    { name: FILE.issuing, text: issuing.toString(), mode: PUBLIC },
    { name: FILE.description, text: `${JSON.stringify({ version: 1, org, ...store })}\n` }
  ])
}

/**
 * Opens an authority for issuing.
 *
 * @param options.passphrase - asked only if the issuing key is encrypted.
 * @throws SftError ERR_SFT_NOT_FOUND for a directory without an authority; ERR_SFT_PASSPHRASE, ERR_SFT_SECRET_UNAVAILABLE;
 *   ERR_SFT_FILE for files that do not belong together or a key that others can read.
 */
export async function openAuthority(
  directory: string,
  options: { passphrase?: PassphraseSource } = {}
): Promise<Authority> {
  const { org } = await describeAuthority(directory)
  const root = decodeCertificate(await readRequired(directory, FILE.root))
  const certificate = decodeCertificate(await readRequired(directory, FILE.issuing))
  const pem = await readPrivate(join(directory, FILE.issuingKey))
  if (pem === undefined) throw new SftError('ERR_SFT_FILE', `${FILE.issuingKey} is missing`)
  const privateKey = await unlockPrivateKey(pem, options.passphrase)
  if (!certificate.checkPrivateKey(privateKey))
    throw new SftError('ERR_SFT_FILE', 'the issuing key and its certificate do not belong together')
  return authority(org, root, { certificate, privateKey })
}

function authority(org: string, root: X509Certificate, issuer: Issuer): Authority {
  const issuing = issuer.certificate
  return {
    org,
    root,
    issuing,
    issuerId: Buffer.from(spkiHash(issuing.publicKey)).toString('hex'),
    issueLeaf(publicKey, name, ttl) {
      const leaf = issueLeaf(issuer, { org, name, publicKey, ...(ttl === undefined ? {} : { ttl }) })
      const chain = [Uint8Array.from(leaf.raw), Uint8Array.from(issuing.raw)]
      // What a peer would refuse is refused here, where somebody can do something about it.
      verifyPath(chain, { root, org, name })
      return chain
    },
    issueServer(publicKey, hosts, ttl) {
      const leaf = issueServer(issuer, { publicKey, hosts, ...(ttl === undefined ? {} : { ttl }) })
      return leaf.toString() + issuing.toString()
    },
    signList: list => signCrl(list, issuer)
  }
}

async function refuseExisting(directory: string): Promise<void> {
  for (const name of Object.values(FILE)) {
    if ((await readSmallFile(join(directory, name))) === undefined) continue
    throw new SftError('ERR_SFT_EXISTS', `${name} exists already`, { hint: 'an authority is never overwritten' })
  }
}

async function writeAll(
  directory: string,
  files: readonly { name: string; text: string; mode?: number }[]
): Promise<void> {
  const written: string[] = []
  try {
    for (const { name, text, mode } of files) {
      await writePrivate(join(directory, name), text, mode)
      written.push(name)
    }
    await syncDirectory(directory)
  } catch (error) {
    await Promise.all(written.map(name => rm(join(directory, name), { force: true })))
    throw error
  }
}

async function readRequired(directory: string, name: string): Promise<string> {
  const text = await readSmallFile(join(directory, name))
  if (text === undefined) throw new SftError('ERR_SFT_FILE', `${name} is missing`)
  return text
}

/** What `authority.json` says. */
export interface AuthorityDescription {
  readonly org: string
  /** Where users and certificates are kept: `postgres://…`, or the path of an SQLite file. */
  readonly store: string
}

/**
 * Says which organisation's authority is in a directory, and where its store is.
 *
 * @throws SftError ERR_SFT_NOT_FOUND when there is none; ERR_SFT_FILE.
 */
export async function describeAuthority(directory: string): Promise<AuthorityDescription> {
  const description = await readSmallFile(join(directory, FILE.description))
  if (description !== undefined) return parseDescription(description, join(directory, USERS))
  const hint = 'sft auth init DIR makes one'
  throw new SftError('ERR_SFT_NOT_FOUND', 'there is no authority in this directory', { hint })
}

function parseDescription(text: string, ownStore: string): AuthorityDescription {
  try {
    const { version, org, store = ownStore } = JSON.parse(text) as { version?: unknown; org?: unknown; store?: unknown }
    if (version === 1 && typeof org === 'string' && typeof store === 'string')
      return { org: parseOrganisation(org), store: store === ownStore ? store : parseStore(store) }
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', `${FILE.description} is malformed`, { cause })
  }
  throw new SftError('ERR_SFT_FILE', `${FILE.description} is of another version`)
}

function parseStore(text: string): string {
  if (/^postgres(ql)?:\/\/./.test(text) && URL.canParse(text)) return text
  throw new SftError('ERR_SFT_USAGE', 'a store is postgres://USER@HOST/DATABASE')
}
