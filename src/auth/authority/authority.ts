import type { KeyObject, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import type { Issuer } from '../certificates/certificate.ts'
import { MAX_CRL, type RevocationList, readCrl, signCrl } from '../certificates/crl.ts'
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
import { decodeCertificate, decodePem, encodePem } from '../certificates/pem.ts'
import { makePrivateDirectory, readPrivate, readSmallFile } from '../identity/private-file.ts'
import {
  describeAuthority,
  encodeDescription,
  FILE,
  issuerFiles,
  PUBLIC,
  parseStore,
  readRequired,
  writeAll
} from './authority-files.ts'

/** The certificate authority of an organisation, in one directory (SPEC §4.2). It knows keys and certificates, not HTTP and not passwords. */

export interface AuthorityOptions {
  readonly org: string
  /** Size of both keys; 3,072 by default. */
  readonly bits?: number
  /** Where users and certificates are kept: `postgres://…`; an SQLite file in the directory by default. */
  readonly store?: string | undefined
  /** Bytes of the caller, who zeroes them; the keys are stored in the clear without. */
  readonly passphrase?: Uint8Array | undefined
}

/** A CA whose revocation list can be signed here. */
export interface ListSigner {
  /** SHA-256 of its SPKI in hex. */
  readonly issuerId: string
  readonly certificate: X509Certificate
  /** Signs a revocation list; DER. */
  sign(list: RevocationList): Uint8Array
}

/** An authority that can issue. The root key is not loaded: it may be kept elsewhere. */
export interface Authority {
  readonly org: string
  readonly root: X509Certificate
  readonly issuing: X509Certificate
  /** The issuing CA, and those before it. */
  readonly signers: readonly [ListSigner, ...ListSigner[]]
  /** The root's own list as it was signed; absent in the directory of an authority from before there was one. */
  readonly rootList: { readonly der: Uint8Array; readonly list: RevocationList } | undefined
  /** Certifies a member's key; the chain to send: DER of leaf and issuing CA. `ttl` in milliseconds. */
  issueLeaf(publicKey: KeyObject, name: string, ttl?: number): readonly Uint8Array[]
  /** Certifies the auth server's TLS key for `hosts`; PEM of leaf and issuing CA. `ttl` in milliseconds. */
  issueServer(publicKey: KeyObject, hosts: readonly string[], ttl?: number): string
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
  const rootIssuer = { certificate: root, privateKey: rootKey.privateKey }
  const issuing = createIssuing(rootIssuer, org, issuingKey.publicKey)
  const stored = (key: KeyObject): string => storePrivateKey(key, options.passphrase)
  const files = issuerFiles()
  await makePrivateDirectory(directory)
  await writeAll(directory, [
    { name: FILE.rootKey, text: stored(rootKey.privateKey) },
    { name: FILE.root, text: root.toString(), mode: PUBLIC },
    { name: FILE.rootList, text: signRootList(rootIssuer), mode: PUBLIC },
    { name: files.key, text: stored(issuingKey.privateKey) },
    { name: files.certificate, text: issuing.toString(), mode: PUBLIC },
    { name: FILE.description, text: encodeDescription({ org, ...store }) }
  ])
}

/**
 * Signs the root's list as PEM. It counts for as long as the root does, since the key that could sign another may be locked away (M52).
 *
 * @param entries - the issuing CAs that are void; none by default.
 */
export function signRootList(root: Issuer, number = 1, entries: RevocationList['entries'] = []): string {
  const nextUpdate = root.certificate.validToDate
  return encodePem('X509 CRL', signCrl({ number, thisUpdate: new Date(), nextUpdate, entries }, root))
}

/**
 * Opens an authority for issuing.
 *
 * @param options.passphrase - asked only if a key is encrypted.
 * @throws SftError ERR_SFT_NOT_FOUND for a directory without an authority; ERR_SFT_PASSPHRASE, ERR_SFT_SECRET_UNAVAILABLE;
 *   ERR_SFT_FILE for files that do not belong together or a key that others can read.
 */
export async function openAuthority(
  directory: string,
  options: { passphrase?: PassphraseSource } = {}
): Promise<Authority> {
  const { org, issuing, retired } = await describeAuthority(directory)
  const root = decodeCertificate(await readRequired(directory, FILE.root))
  const current = await readIssuer(directory, issuing, options.passphrase)
  const before: Issuer[] = []
  for (const name of retired) before.push(await readIssuer(directory, name, options.passphrase))
  const pem = await readSmallFile(join(directory, FILE.rootList), 2 * MAX_CRL)
  return authority(org, root, [current, ...before], pem && decodePem('X509 CRL', pem))
}

/** @throws SftError ERR_SFT_FILE when key and certificate do not belong together. */
async function readIssuer(directory: string, name: string, passphrase?: PassphraseSource): Promise<Issuer> {
  const files = issuerFiles(name)
  const certificate = decodeCertificate(await readRequired(directory, files.certificate))
  const privateKey = await readKey(join(directory, files.key), passphrase)
  if (certificate.checkPrivateKey(privateKey)) return { certificate, privateKey }
  throw new SftError('ERR_SFT_FILE', 'the issuing key and its certificate do not belong together')
}

/** @throws SftError ERR_SFT_FILE when there is none; ERR_SFT_PASSPHRASE, ERR_SFT_SECRET_UNAVAILABLE. */
export async function readKey(path: string, passphrase?: PassphraseSource): Promise<KeyObject> {
  const pem = await readPrivate(path)
  if (pem === undefined) throw new SftError('ERR_SFT_FILE', 'the key of the authority is missing')
  return unlockPrivateKey(pem, passphrase)
}

function authority(
  org: string,
  root: X509Certificate,
  issuers: [Issuer, ...Issuer[]],
  rootList: Uint8Array | '' | undefined
): Authority {
  const [issuer] = issuers
  const issuing = issuer.certificate
  return {
    org,
    root,
    issuing,
    signers: issuers.map(signerOf) as [ListSigner, ...ListSigner[]],
    rootList: rootList ? { der: rootList, list: readCrl(rootList, root) } : undefined,
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
    }
  }
}

function signerOf(issuer: Issuer): ListSigner {
  const { certificate } = issuer
  return { issuerId: bookId(certificate), certificate, sign: list => signCrl(list, issuer) }
}

/** How the books call a CA: SHA-256 of its SPKI in hex. */
export function bookId(certificate: X509Certificate): string {
  return Buffer.from(spkiHash(certificate.publicKey)).toString('hex')
}

async function refuseExisting(directory: string): Promise<void> {
  const { key, certificate } = issuerFiles()
  for (const name of [...Object.values(FILE), key, certificate]) {
    if ((await readSmallFile(join(directory, name), 2 * MAX_CRL)) === undefined) continue
    throw new SftError('ERR_SFT_EXISTS', `${name} exists already`, { hint: 'an authority is never overwritten' })
  }
}
