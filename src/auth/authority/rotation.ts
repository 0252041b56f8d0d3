import type { KeyObject, X509Certificate } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import type { Issuer } from '../certificates/certificate.ts'
import { MAX_CRL, type RevocationList, readCrl } from '../certificates/crl.ts'
import { createIssuing } from '../certificates/issuance.ts'
import { askOnce, generateRsaKey, isEncrypted, type PassphraseSource, storePrivateKey } from '../certificates/keys.ts'
import { decodeCertificate, decodePem } from '../certificates/pem.ts'
import { readPrivate, readSmallFile, replacePrivate, syncDirectory, writePrivate } from '../identity/private-file.ts'
import { type Authority, openAuthority, readKey, signRootList } from './authority.ts'
import {
  describeAuthority,
  FILE,
  issuerFiles,
  PUBLIC,
  readRequired,
  replaceDescription,
  writeAll
} from './authority-files.ts'

/** What happens to an authority in the course of years: another issuing CA, and a root key that is locked away (SPEC §4.9). */

export interface RotationOptions {
  readonly passphrase?: PassphraseSource
  /** Path of the root key; `root.key` in the directory by default. */
  readonly rootKey?: string | undefined
  /** Puts the CA that has issued until now on the root's list: its key is in wrong hands. */
  readonly revoke?: boolean | undefined
}

/**
 * Makes a new issuing CA under the same root, with a key of the same size, which issues from then on; a server that runs takes it over (`authorityAt`).
 * Certificates of the one before stay good, and its list is signed until they are over, unless it is revoked. After a crash at any moment the one or
 * the other issues.
 *
 * @throws SftError ERR_SFT_NOT_FOUND without an authority, or without the root key; ERR_SFT_PASSPHRASE, ERR_SFT_SECRET_UNAVAILABLE, ERR_SFT_FILE.
 */
export async function rotateIssuing(directory: string, options: RotationOptions = {}): Promise<X509Certificate> {
  const passphrase = askOnce(options.passphrase)
  const description = await describeAuthority(directory)
  const { issuing: previous, retired } = description
  const root = await readRoot(directory, options.rootKey, passphrase)
  const before = decodeCertificate(await readRequired(directory, issuerFiles(previous).certificate))
  const bits = before.publicKey.asymmetricKeyDetails?.modulusLength
  const { publicKey, privateKey } = await generateRsaKey(bits)
  const certificate = createIssuing(root, description.org, publicKey)
  const issuing = await freeName(directory)
  const files = issuerFiles(issuing)
  const encrypted = isEncrypted((await readPrivate(join(directory, issuerFiles(previous).key))) ?? '')
  await writeAll(directory, [
    { name: files.key, text: storePrivateKey(privateKey, encrypted ? await passphrase() : undefined) },
    { name: files.certificate, text: certificate.toString(), mode: PUBLIC }
  ])
  if (options.revoke) await revokeIssuer(directory, root, before)
  await replaceDescription(directory, { ...description, issuing, retired: [previous, ...retired] })
  return certificate
}

/**
 * Moves the root key to another place, such as a medium that is locked away: written and read back there before it is removed here. The server goes on;
 * the next rotation wants the key again.
 *
 * @param target - path of a file that does not exist yet.
 * @throws SftError ERR_SFT_NOT_FOUND when it is not here; ERR_SFT_EXISTS; ERR_SFT_FILE.
 */
export async function moveRootKey(directory: string, target: string): Promise<void> {
  await describeAuthority(directory)
  const pem = await readPrivate(join(directory, FILE.rootKey))
  if (pem === undefined) throw noRootKey()
  await writePrivate(target, pem)
  await syncDirectory(dirname(target))
  if ((await readPrivate(target)) !== pem)
    throw new SftError('ERR_SFT_FILE', `${basename(target)} reads back otherwise`)
  await rm(join(directory, FILE.rootKey))
  await syncDirectory(directory)
}

/** The authority of a directory as it is now: opened once, and again when a rotation has changed it. */
export async function authorityAt(
  directory: string,
  options: { passphrase?: PassphraseSource } = {}
): Promise<{ authority: Authority; refresh(): Promise<Authority> }> {
  const passphrase = askOnce(options.passphrase)
  let seen = await stateOf(directory)
  let authority = await openAuthority(directory, { passphrase })
  return {
    authority,
    async refresh() {
      const state = await stateOf(directory)
      if (state === seen) return authority
      authority = await openAuthority(directory, { passphrase })
      seen = state
      return authority
    }
  }
}

/** Both files are replaced, never written to. */
async function stateOf(directory: string): Promise<string> {
  const stats = [FILE.description, FILE.rootList].map(name =>
    stat(join(directory, name)).then(
      ({ ino, mtimeMs }) => `${ino} ${mtimeMs}`,
      () => 'none'
    )
  )
  return (await Promise.all(stats)).join(', ')
}

async function readRoot(directory: string, path: string | undefined, passphrase: PassphraseSource): Promise<Issuer> {
  const certificate = decodeCertificate(await readRequired(directory, FILE.root))
  const place = path ?? join(directory, FILE.rootKey)
  if ((await readSmallFile(place)) === undefined) throw noRootKey()
  const privateKey: KeyObject = await readKey(place, passphrase)
  if (certificate.checkPrivateKey(privateKey)) return { certificate, privateKey }
  throw new SftError('ERR_SFT_FILE', 'this is not the key of the root')
}

async function revokeIssuer(directory: string, root: Issuer, issuer: X509Certificate): Promise<void> {
  const pem = await readSmallFile(join(directory, FILE.rootList), 2 * MAX_CRL)
  const list = pem === undefined ? undefined : readCrl(decodePem('X509 CRL', pem), root.certificate)
  const { number, entries }: Pick<RevocationList, 'number' | 'entries'> = list ?? { number: 0, entries: [] }
  const entry = { serial: issuer.serialNumber.toLowerCase(), at: new Date(), reason: 'keyCompromise' as const }
  await replacePrivate(join(directory, FILE.rootList), signRootList(root, number + 1, [...entries, entry]), PUBLIC)
}

async function freeName(directory: string): Promise<string> {
  for (let count = 2; ; count++) {
    const name = `issuing-${count}`
    const { key, certificate } = issuerFiles(name)
    const found = await Promise.all([key, certificate].map(file => readSmallFile(join(directory, file))))
    if (found.every(text => text === undefined)) return name
  }
}

function noRootKey(): SftError {
  const hint = '--root-key FILE says where it is'
  return new SftError('ERR_SFT_NOT_FOUND', 'the key of the root is not in this directory', { hint })
}
