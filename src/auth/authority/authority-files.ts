import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { parseOrganisation } from '../certificates/names.ts'
import { readSmallFile, replacePrivate, syncDirectory, writePrivate } from '../identity/private-file.ts'

/**
 * The directory of an authority: `root.key` (unless it is kept elsewhere) and `root.crt`, the root's list `root.crl`, a key and a certificate of each
 * issuing CA, and `authority.json`, which says which of them issues: replacing that one file is what a rotation consists of.
 */

export const FILE = {
  rootKey: 'root.key',
  root: 'root.crt',
  rootList: 'root.crl',
  description: 'authority.json'
} as const
/** The store of an authority that names no other. */
export const STORE_FILE = 'users.db'
const FIRST_ISSUER = 'issuing'
const POSTGRES = /^postgres(ql)?:\/\/./
/** What is handed out. */
export const PUBLIC = 0o644

/** What `authority.json` says. */
export interface AuthorityDescription {
  readonly org: string
  /** Where users and certificates are kept: `postgres://…`, or the path of an SQLite file. */
  readonly store: string
  /** Name of the issuing CA's files, without `.key` and `.crt`. */
  readonly issuing: string
  /** Of those that have issued before it, the latest first. */
  readonly retired: readonly string[]
}

/** Files of one issuing CA. */
export function issuerFiles(name = FIRST_ISSUER): { key: string; certificate: string } {
  return { key: `${name}.key`, certificate: `${name}.crt` }
}

/** Writes files that are not there yet; those that were written are removed when one fails. @throws SftError ERR_SFT_EXISTS, ERR_SFT_FILE. */
export async function writeAll(
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

/** @throws SftError ERR_SFT_FILE when it is missing. */
export async function readRequired(directory: string, name: string): Promise<string> {
  const text = await readSmallFile(join(directory, name))
  if (text === undefined) throw new SftError('ERR_SFT_FILE', `${name} is missing`)
  return text
}

/** The text of `authority.json`. */
export function encodeDescription(description: Partial<AuthorityDescription> & { org: string }): string {
  return `${JSON.stringify({ version: 1, ...description })}\n`
}

/** Says that another CA issues from now on. */
export async function replaceDescription(directory: string, description: AuthorityDescription): Promise<void> {
  const { store, ...rest } = description
  const text = encodeDescription(store === join(directory, STORE_FILE) ? rest : description)
  await replacePrivate(join(directory, FILE.description), text)
}

/**
 * Says which organisation's authority is in a directory, and where its store is.
 *
 * @throws SftError ERR_SFT_NOT_FOUND when there is none; ERR_SFT_FILE.
 */
export async function describeAuthority(directory: string): Promise<AuthorityDescription> {
  const description = await readSmallFile(join(directory, FILE.description))
  if (description !== undefined) return parseDescription(description, join(directory, STORE_FILE))
  const hint = 'sft auth init DIR makes one'
  throw new SftError('ERR_SFT_NOT_FOUND', 'there is no authority in this directory', { hint })
}

/** Whether a store is a file of ours, and no server. */
export function isSqlite(store: string): boolean {
  return !POSTGRES.test(store)
}

/** @throws SftError ERR_SFT_USAGE unless it is the address of a PostgreSQL. */
export function parseStore(text: string): string {
  if (POSTGRES.test(text) && URL.canParse(text)) return text
  throw new SftError('ERR_SFT_USAGE', 'a store is postgres://USER@HOST/DATABASE')
}

function parseDescription(text: string, ownStore: string): AuthorityDescription {
  try {
    const { version, ...rest } = JSON.parse(text) as Record<string, unknown>
    const { org, store = ownStore, issuing = FIRST_ISSUER, retired = [] } = rest
    if (version === 1 && typeof org === 'string' && typeof store === 'string' && isName(issuing) && isNameList(retired))
      return { org: parseOrganisation(org), store: store === ownStore ? store : parseStore(store), issuing, retired }
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', `${FILE.description} is malformed`, { cause })
  }
  throw new SftError('ERR_SFT_FILE', `${FILE.description} is of another version`)
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && /^issuing(-\d{1,4})?$/.test(name)
}

function isNameList(names: unknown): names is string[] {
  return Array.isArray(names) && names.every(isName)
}
