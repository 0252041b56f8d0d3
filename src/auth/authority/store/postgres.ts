import { type Dialect, PostgresDialect } from 'kysely'
import pg from 'pg'

/** Connections of one auth server. */
const CONNECTIONS = 8
/** Milliseconds to reach the database, and for one statement there. */
const CONNECT_TIMEOUT_MS = 5000
const STATEMENT_TIMEOUT_MS = 10_000
const INT8 = 20

/**
 * Connects to PostgreSQL when it is first asked. What the address does not say (password, certificates) comes from the usual places of libpq: PGPASSWORD,
 * ~/.pgpass, PGSSLROOTCERT…
 *
 * @param onError told of a connection that broke while nobody used it
 */
export function postgresDialect(url: string, onError: (error: Error) => void): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'sft auth',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: 2 * STATEMENT_TIMEOUT_MS,
    // times and numbers of lists are below 2^53
    types: { getTypeParser: (type, format) => (type === INT8 ? Number : pg.types.getTypeParser(type, format)) }
  })
  pool.on('error', onError)
  return new PostgresDialect({ pool })
}
