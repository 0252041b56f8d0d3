import { chmod, open } from 'node:fs/promises'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver
} from 'kysely'

/** Milliseconds to wait for another writer: `sft auth user add` while `serve` is running. */
const PATIENCE_MS = 5000
/** Milliseconds between two attempts. */
const RETRY_MS = 5
/** SQLITE_BUSY. */
const BUSY = 5

/** Opens one SQLite file of mode 0600, made if need be, in WAL mode; every commit is on the disk. */
export async function sqliteDialect(path: string): Promise<Dialect> {
  // before SQLite, which would make it by the umask; its journals take their mode from it
  await (await open(path, 'a', 0o600)).close()
  await chmod(path, 0o600)
  const database = new DatabaseSync(path, { timeout: PATIENCE_MS })
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0;')
  } catch (error) {
    database.close()
    throw error
  }
  return new PatientDialect({
    database: {
      close: () => database.close(),
      prepare(text) {
        // one that began by reading could be refused when it comes to write, however long it waits
        const statement = database.prepare(text === 'begin' ? 'begin immediate' : text)
        return {
          reader: statement.columns().length > 0,
          all: parameters => statement.all(...(parameters as SQLInputValue[])),
          run: parameters => statement.run(...(parameters as SQLInputValue[])),
          iterate: parameters => statement.iterate(...(parameters as SQLInputValue[]))
        }
      }
    }
  })
}

/** SQLite's own waiting would hold up the event loop, and with it whoever is to end in this process. */
class PatientDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig

  constructor(config: SqliteDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): SqliteDriver {
    return new PatientDriver(this.#config)
  }
}

class PatientDriver extends SqliteDriver {
  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection()
    return {
      executeQuery: query => patiently(() => connection.executeQuery(query)),
      streamQuery: (query, size) => connection.streamQuery(query, size)
    }
  }
}

async function patiently<T>(query: () => Promise<QueryResult<T>>): Promise<QueryResult<T>> {
  for (const end = performance.now() + PATIENCE_MS; ; await delay(RETRY_MS)) {
    try {
      return await query()
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== BUSY || performance.now() > end) throw error
    }
  }
}
