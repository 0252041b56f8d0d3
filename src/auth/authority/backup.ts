import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { MAX_CRL } from '../certificates/crl.ts'
import { exists, makePrivateDirectory, readSmallFile, syncDirectory } from '../identity/private-file.ts'
import { describeAuthority, FILE, isSqlite, issuerFiles, PUBLIC, STORE_FILE, writeAll } from './authority-files.ts'
import { openStore } from './store/open-store.ts'
import { type Files, readSnapshot, unpackSnapshot, writeSnapshot } from './store/snapshot.ts'

/** Everything of an authority in one file, and back (SPEC §4.12). */

/** What became of a backup: whether users and certificates are in it, too. */
export interface BackupSummary {
  /** False when they are in a PostgreSQL, which has means of its own. */
  readonly hasStore: boolean
  /** False when the root's key is kept elsewhere. */
  readonly hasRootKey: boolean
}

/** Files that a backup may bring. */
const NAME = /^(authority\.json|root\.(key|crt|crl)|issuing(-\d{1,4})?\.(key|crt))$/

/**
 * Writes keys, certificates, users and all that is on the books into one file of mode 0600, while a server may be running. Keys are in it as they are stored.
 *
 * @throws SftError ERR_SFT_EXISTS for a file that is there; ERR_SFT_NOT_FOUND without an authority; ERR_SFT_FILE.
 */
export async function backupAuthority(directory: string, target: string): Promise<BackupSummary> {
  const { store, issuing, retired } = await describeAuthority(directory)
  if (await exists(target)) throw new SftError('ERR_SFT_EXISTS', 'the backup exists already')
  const issuers = [issuing, ...retired].map(issuerFiles).flatMap(({ key, certificate }) => [key, certificate])
  const files: Record<string, string> = {}
  for (const name of [...Object.values(FILE), ...issuers]) {
    const text = await readSmallFile(join(directory, name), 2 * MAX_CRL)
    if (text !== undefined) files[name] = text
  }
  const hasStore = isSqlite(store) && (await exists(store))
  const staged = `${target}.part`
  try {
    await writeSnapshot(hasStore ? store : undefined, staged, files)
    await rename(staged, target)
    await syncDirectory(dirname(target))
  } catch (cause) {
    await rm(staged, { force: true })
    throw SftError.is(cause) ? cause : new SftError('ERR_SFT_FILE', 'the backup cannot be written', { cause })
  }
  return { hasStore, hasRootKey: FILE.rootKey in files }
}

/**
 * Makes the authority of a backup in a directory that has none. What was issued or revoked since the backup is not in it.
 *
 * @throws SftError ERR_SFT_FILE for what is no backup, or is damaged; ERR_SFT_EXISTS when the directory has a file of an authority.
 */
export async function restoreAuthority(source: string, directory: string, actor: string): Promise<BackupSummary> {
  if (!(await exists(source))) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no such backup')
  const snapshot = readSnapshot(source)
  if (snapshot === undefined || !isWhole(snapshot.files))
    throw new SftError('ERR_SFT_FILE', 'this is no backup of an authority, or it is damaged')
  const { files, hasStore } = snapshot
  await makePrivateDirectory(directory)
  for (const name of [...Object.keys(files), STORE_FILE])
    if (await exists(join(directory, name))) throw new SftError('ERR_SFT_EXISTS', `${name} exists already`)
  const place = join(directory, STORE_FILE)
  try {
    if (hasStore) await unpackSnapshot(source, place)
    await writeAll(directory, inOrder(files))
  } catch (cause) {
    await rm(place, { force: true })
    throw SftError.is(cause) ? cause : new SftError('ERR_SFT_FILE', 'the backup cannot be restored', { cause })
  }
  if (hasStore) await noteRestore(place, actor)
  return { hasStore, hasRootKey: FILE.rootKey in files }
}

async function noteRestore(place: string, actor: string): Promise<void> {
  await using store = await openStore(place, { actor })
  await store.audit.append({ type: 'restore' })
}

function isWhole(files: Files): boolean {
  const names = Object.keys(files)
  return names.every(name => NAME.test(name)) && names.includes(FILE.description) && names.includes(FILE.root)
}

/** `authority.json` last: a directory without it is no authority. */
function inOrder(files: Files): { name: string; text: string; mode?: number }[] {
  const entries = Object.entries(files).map(([name, text]) => {
    const isPublic = /\.cr[tl]$/.test(name)
    return { name, text, ...(isPublic && { mode: PUBLIC }) }
  })
  return entries.sort((a, b) => Number(a.name === FILE.description) - Number(b.name === FILE.description))
}
