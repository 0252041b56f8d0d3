import { sql } from 'kysely'
import type { Migration, MigrationProvider } from 'kysely/migration'

/**
 * The tables, and how they came to be: a migration that has been released is never changed. Times are milliseconds since 1970, DER is base64: both
 * databases take them alike.
 */

export interface Tables {
  users: { name: string; password: string; disabled: number; created: number }
  certificates: {
    serial: string
    name: string
    issuer: string
    not_before: number
    not_after: number
    der: string
    revoked_at: number | null
    reason: string | null
  }
  lists: {
    issuer: string
    number: number
    this_update: number
    next_update: number
    der: string
    digest: string
  }
  audit: { seq: number; line: string }
  audit_head: { id: number; seq: number; hash: string }
  issuers: { id: string; der: string }
  presence: { name: string; kind: string; host: string; port: number; until: number }
  token_secret: { id: number; secret: string }
  tokens: { id: string; until: number }
  networks: { name: string; network: string; latest: number }
  attempts: { key: string; at: number }
  failures: { key: string; count: number; latest: number }
}

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  // `if not exists`: the first databases had this table, and no migrations
  '001_users': {
    up: database =>
      database.schema
        .createTable('users')
        .ifNotExists()
        .addColumn('name', 'text', column => column.primaryKey())
        .addColumn('password', 'text', column => column.notNull())
        .addColumn('disabled', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('created', 'bigint', column => column.notNull())
        .execute()
  },
  '002_certificates': {
    up: async database => {
      await database.schema
        .createTable('certificates')
        .addColumn('serial', 'text', column => column.primaryKey())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('issuer', 'text', column => column.notNull())
        .addColumn('not_before', 'bigint', column => column.notNull())
        .addColumn('not_after', 'bigint', column => column.notNull())
        .addColumn('der', 'text', column => column.notNull())
        .addColumn('revoked_at', 'bigint')
        .addColumn('reason', 'text')
        .execute()
      await database.schema.createIndex('certificates_name').on('certificates').columns(['name', 'not_after']).execute()
      await database.schema
        .createIndex('certificates_revoked')
        .on('certificates')
        .columns(['issuer', 'serial'])
        .where(sql.ref('revoked_at'), 'is not', null)
        .execute()
    }
  },
  '003_lists': {
    up: database =>
      database.schema
        .createTable('lists')
        .addColumn('issuer', 'text', column => column.primaryKey())
        .addColumn('number', 'bigint', column => column.notNull())
        .addColumn('this_update', 'bigint', column => column.notNull())
        .addColumn('next_update', 'bigint', column => column.notNull())
        .addColumn('der', 'text', column => column.notNull())
        .addColumn('digest', 'text', column => column.notNull())
        .execute()
  },
  '004_audit': {
    up: async database => {
      await database.schema
        .createTable('audit')
        .addColumn('seq', 'bigint', column => column.primaryKey())
        .addColumn('line', 'text', column => column.notNull())
        .execute()
      await database.schema
        .createTable('audit_head')
        .addColumn('id', 'integer', column => column.primaryKey())
        .addColumn('seq', 'bigint', column => column.notNull())
        .addColumn('hash', 'text', column => column.notNull())
        .execute()
    }
  },
  '005_networks': {
    up: database =>
      database.schema
        .createTable('networks')
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('network', 'text', column => column.notNull())
        .addColumn('latest', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('networks_key', ['name', 'network'])
        .execute()
  },
  '006_issuers': {
    up: database =>
      database.schema
        .createTable('issuers')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('der', 'text', column => column.notNull())
        .execute()
  },
  '007_presence': {
    up: database =>
      database.schema
        .createTable('presence')
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('kind', 'text', column => column.notNull())
        .addColumn('host', 'text', column => column.notNull())
        .addColumn('port', 'integer', column => column.notNull())
        .addColumn('until', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('presence_key', ['name', 'kind'])
        .execute()
  },
  '008_tokens': {
    up: async database => {
      await database.schema
        .createTable('token_secret')
        .addColumn('id', 'integer', column => column.primaryKey())
        .addColumn('secret', 'text', column => column.notNull())
        .execute()
      await database.schema
        .createTable('tokens')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('until', 'bigint', column => column.notNull())
        .execute()
    }
  },
  '009_attempts': {
    up: async database => {
      await database.schema
        .createTable('attempts')
        .addColumn('key', 'text', column => column.notNull())
        .addColumn('at', 'bigint', column => column.notNull())
        .execute()
      await database.schema.createIndex('attempts_key').on('attempts').columns(['key', 'at']).execute()
      await database.schema.createIndex('attempts_at').on('attempts').columns(['at']).execute()
      await database.schema
        .createTable('failures')
        .addColumn('key', 'text', column => column.primaryKey())
        .addColumn('count', 'integer', column => column.notNull())
        .addColumn('latest', 'bigint', column => column.notNull())
        .execute()
    }
  }
}

export const migrations: MigrationProvider = { getMigrations: async () => ({ ...MIGRATIONS }) }
