import { chmod, open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { SftError } from '../../streams/errors.ts'
import { parseUserName } from '../certificates/names.ts'

/** The users of an auth server. The interface is asynchronous, so that a database over a network can stand behind it. */

export interface User {
  readonly name: string
  /** PHC string. */
  readonly password: string
  readonly disabled: boolean
  readonly created: Date
}

export interface UserStore {
  /** @throws SftError ERR_SFT_EXISTS for a name that is taken, ERR_SFT_USAGE for one that is none. */
  add(name: string, password: string): Promise<void>
  get(name: string): Promise<User | undefined>
  /** All users in the order of names. */
  list(): Promise<readonly User[]>
  /** @throws SftError ERR_SFT_NOT_FOUND */
  setPassword(name: string, password: string): Promise<void>
  /** Stops or allows logins; the user and the password stay. @throws SftError ERR_SFT_NOT_FOUND */
  setDisabled(name: string, disabled: boolean): Promise<void>
  close(): Promise<void>
}

const SCHEMA_VERSION = 1
const SCHEMA = `
  CREATE TABLE users (
    name TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`
/** `user add` writes while `serve` is running; milliseconds to wait for the other. */
const BUSY_TIMEOUT = 5000

interface Row {
  readonly name: string
  readonly password: string
  readonly disabled: number
  readonly created: number
}

/**
 * Opens the users in one SQLite file of mode 0600, made if need be. A change is on the disk when its promise fulfils.
 *
 * @throws SftError ERR_SFT_FILE when the file cannot be opened, is no such database, or is of a later version.
 */
export async function openUserStore(path: string): Promise<UserStore> {
  try {
    // Before SQLite, which would make it by the umask; its journals take their mode from it.
    await (await open(path, 'a', 0o600)).close()
    await chmod(path, 0o600)
    return sqliteStore(openDatabase(path))
  } catch (cause) {
    if (SftError.is(cause)) throw cause
    throw new SftError('ERR_SFT_FILE', 'the user database cannot be opened', { cause })
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;`)
    migrate(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE')
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version > SCHEMA_VERSION) throw new SftError('ERR_SFT_FILE', 'the user database is of a later version of sft')
  if (version === 0) database.exec(SCHEMA)
  database.exec('COMMIT')
}

function sqliteStore(database: DatabaseSync): UserStore {
  const insert = database.prepare('INSERT INTO users (name, password, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  const select = database.prepare('SELECT name, password, disabled, created FROM users WHERE name = ?')
  const selectAll = database.prepare('SELECT name, password, disabled, created FROM users ORDER BY name')
  const updatePassword = database.prepare('UPDATE users SET password = ? WHERE name = ?')
  const updateDisabled = database.prepare('UPDATE users SET disabled = ? WHERE name = ?')
  const requireOne = ({ changes }: { changes: number | bigint }): void => {
    if (Number(changes) !== 1) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no such user')
  }
  return {
    async add(name, password) {
      const { changes } = insert.run(parseUserName(name), password, Date.now())
      if (Number(changes) !== 1) throw new SftError('ERR_SFT_EXISTS', 'this user exists already')
    },
    async get(name) {
      const row = select.get(name)
      return row === undefined ? undefined : toUser(row as unknown as Row)
    },
    async list() {
      return selectAll.all().map(row => toUser(row as unknown as Row))
    },
    async setPassword(name, password) {
      requireOne(updatePassword.run(password, name))
    },
    async setDisabled(name, disabled) {
      requireOne(updateDisabled.run(disabled ? 1 : 0, name))
    },
    async close() {
      database.close()
    }
  }
}

function toUser({ name, password, disabled, created }: Row): User {
  return { name, password, disabled: disabled !== 0, created: new Date(created) }
}
