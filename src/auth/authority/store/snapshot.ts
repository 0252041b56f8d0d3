import { chmod, open, rm } from 'node:fs/promises'
import { backup, DatabaseSync } from 'node:sqlite'

/** A copy of an SQLite store, with the files of its authority in a table of their own: one file that holds all there is. */

/** Name and text of a file. */
export type Files = Readonly<Record<string, string>>

const FORMAT = 1

/**
 * Copies a store that may be in use, as it is at one moment, and puts the files into the copy; durable when it fulfils.
 *
 * @param source path of the store; undefined when it is elsewhere, and only the files are kept
 * @param target path of a file that does not exist, made with mode 0600
 */
export async function writeSnapshot(source: string | undefined, target: string, files: Files): Promise<void> {
  await (await open(target, 'wx', 0o600)).close()
  if (source !== undefined) await copy(source, target)
  const database = new DatabaseSync(target)
  try {
    // one file, without a journal beside it
    database.exec(`PRAGMA journal_mode = DELETE; PRAGMA user_version = ${FORMAT};`)
    database.exec('CREATE TABLE backup_files (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT')
    const insert = database.prepare('INSERT INTO backup_files VALUES (?, ?)')
    for (const [name, text] of Object.entries(files)) insert.run(name, text)
  } finally {
    database.close()
  }
  await sync(target)
}

/** Reads the files out of a snapshot; undefined for what is none, or is damaged. */
export function readSnapshot(path: string): { files: Files; hasStore: boolean } | undefined {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const [check] = database.prepare('PRAGMA quick_check').all() as { quick_check?: string }[]
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]
    const names = tables.map(({ name }) => name)
    if (check?.quick_check !== 'ok' || !names.includes('backup_files')) return undefined
    const rows = database.prepare('SELECT name, text FROM backup_files').all() as { name: string; text: string }[]
    return {
      files: Object.fromEntries(rows.map(({ name, text }) => [name, text])),
      hasStore: names.includes('users')
    }
  } catch {
    // SQLite says no more about a file that is no database than that it is none
    return undefined
  } finally {
    database.close()
  }
}

/**
 * Makes a store of a snapshot. CRL numbers go on beyond all that can have been signed since: peers take none that is not higher than the one they have
 * (M53), and at most one is signed in a second.
 */
export async function unpackSnapshot(source: string, target: string): Promise<void> {
  await (await open(target, 'wx', 0o600)).close()
  try {
    await copy(source, target)
    const database = new DatabaseSync(target)
    try {
      database.exec('DROP TABLE backup_files; PRAGMA user_version = 0;')
      const now = Date.now()
      database.prepare('UPDATE lists SET number = number + 1 + max(0, ? - this_update) / 1000').run(now)
    } finally {
      database.close()
    }
    await sync(target)
  } catch (error) {
    await rm(target, { force: true })
    throw error
  }
}

async function copy(source: string, target: string): Promise<void> {
  const database = new DatabaseSync(source)
  try {
    await backup(database, target)
  } finally {
    database.close()
  }
  await chmod(target, 0o600)
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
