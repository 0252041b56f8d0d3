import { type Dialect, Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { SftError } from '../../../streams/errors.ts'
import { migrations, type Tables } from './migrations.ts'
import { sqlStore, storeFault } from './sql-store.ts'
import type { AuthStore } from './store.ts'

const POSTGRES = /^postgres(ql)?:\/\//

export interface StoreOptions {
  /** Who does what is done here, for the audit; `library` by default. */
  readonly actor?: string
  /** Told of a connection to PostgreSQL that broke while nobody used it. */
  readonly onError?: (error: Error) => void
}

/**
 * Opens the store of an auth server and brings its tables up to date; several servers may do so at once.
 *
 * @param place `postgres://…`, or the path of an SQLite file, which is made with mode 0600 if need be
 * @throws SftError ERR_SFT_STORE when it cannot be opened, is no such database, or is of a later version.
 */
export async function openStore(place: string, options: StoreOptions = {}): Promise<AuthStore> {
  const { actor = 'library', onError = () => {} } = options
  const database = new Kysely<Tables>({ dialect: await dialectOf(place, onError).catch(storeFault) })
  try {
    await migrate(database)
    return sqlStore(database, { shared: POSTGRES.test(place), actor })
  } catch (error) {
    await database.destroy()
    throw error
  }
}

async function dialectOf(place: string, onError: (error: Error) => void): Promise<Dialect> {
  return POSTGRES.test(place)
    ? (await import('./postgres.ts')).postgresDialect(place, onError)
    : (await import('./sqlite.ts')).sqliteDialect(place)
}

async function migrate(database: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: migrations })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  if (/previously executed migration \S+ is missing/.test((error as Error).message)) {
    throw new SftError('ERR_SFT_STORE', 'the store of the auth server is of a later version of sft', { cause: error })
  }
  storeFault(error)
}
