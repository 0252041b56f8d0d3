import type { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeCertificate } from '../certificates/pem.ts'
import { bookId } from './authority.ts'
import { describeAuthority, FILE, isSqlite, issuerFiles, readRequired } from './authority-files.ts'
import { openStore } from './store/open-store.ts'

/** What can be said of an authority without its keys. */
export interface AuthorityInspection {
  readonly org: string
  readonly root: X509Certificate
  /** The CA that issues. */
  readonly issuing: X509Certificate
  /** False when the root's key is kept elsewhere. */
  readonly hasRootKey: boolean
  /** Paths of secrets that group or others can read. */
  readonly exposed: readonly string[]
  readonly store: 'SQLite' | 'PostgreSQL'
  readonly users: number
  /** When the latest revocation list of the issuing CA ends; undefined when none was signed. */
  readonly listUntil: Date | undefined
}

/**
 * Looks at an authority, whether its server runs or not; its store is brought up to date by that.
 *
 * @throws SftError ERR_SFT_NOT_FOUND without an authority; ERR_SFT_FILE; ERR_SFT_STORE when the store can not be opened.
 */
export async function inspectAuthority(directory: string): Promise<AuthorityInspection> {
  const { org, store: place, issuing: name, retired } = await describeAuthority(directory)
  const root = decodeCertificate(await readRequired(directory, FILE.root))
  const issuing = decodeCertificate(await readRequired(directory, issuerFiles(name).certificate))
  const keys = [FILE.rootKey, ...[name, ...retired].map(each => issuerFiles(each).key)]
  const secrets = [...keys.map(file => join(directory, file)), ...(isSqlite(place) ? [place] : [])]
  const modes = await Promise.all(secrets.map(modeOf))
  await using store = await openStore(place, { actor: 'inspection' })
  return {
    org,
    root,
    issuing,
    hasRootKey: modes[0] !== undefined,
    exposed: secrets.filter((_, index) => ((modes[index] ?? 0) & 0o077) !== 0),
    store: isSqlite(place) ? 'SQLite' : 'PostgreSQL',
    users: (await store.users.list()).length,
    listUntil: (await store.lists.latest(bookId(issuing)))?.nextUpdate
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mode }) => mode,
    () => undefined
  )
}
