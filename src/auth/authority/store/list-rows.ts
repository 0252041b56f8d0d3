import { type Kysely, type Selectable, sql } from 'kysely'
import { invariant } from '../../../streams/errors.ts'
import type { RevocationReason, RevokedEntry } from '../../certificates/crl.ts'
import { type AuditContext, note } from './audit-rows.ts'
import type { Tables } from './migrations.ts'
import type { ListStore, StoredIssuer, StoredList } from './store.ts'

/** Of the advisory lock under which servers that share a PostgreSQL sign; "sftL". */
const SIGNING_LOCK = 0x7366744c

export function listStore(database: Kysely<Tables>, context: AuditContext): ListStore {
  return {
    latest: issuer => latestOf(database, issuer),
    numbers: async () => {
      const rows = await database.selectFrom('lists').select(['issuer', 'number']).execute()
      return new Map(rows.map(({ issuer, number }) => [issuer, Number(number)]))
    },
    addIssuer: async ({ id, der }) => {
      if (await issuerOf(database, id)) return
      const row = { id, der: Buffer.from(der).toString('base64') }
      await database
        .insertInto('issuers')
        .values(row)
        .onConflict(conflict => conflict.column('id').doNothing())
        .execute()
    },
    issuer: id => issuerOf(database, id),
    isNeeded: async issuer => {
      const query = database.selectFrom('certificates').select('serial').where('issuer', '=', issuer)
      return (
        (await query
          .where('not_after', '>', Date.now() - GRACE_MS)
          .limit(1)
          .executeTakeFirst()) !== undefined
      )
    },
    publish: async (issuer, decide) => {
      // most looks end here, and wait for no writer
      const present = await latestOf(database, issuer)
      if (present && decide(await revokedOf(database, issuer), present) === undefined) return present
      return database.transaction().execute(async changes => {
        if (context.shared) await sql`select pg_advisory_xact_lock(${SIGNING_LOCK})`.execute(changes)
        const latest = await latestOf(changes, issuer)
        const sign = decide(await revokedOf(changes, issuer), latest)
        if (sign === undefined) {
          invariant(latest !== undefined, 'no first list was signed')
          return latest
        }
        const next = sign()
        const row = toRow(next)
        const { issuer: _, ...rest } = row
        await changes
          .insertInto('lists')
          .values(row)
          .onConflict(conflict => conflict.column('issuer').doUpdateSet(rest))
          .execute()
        await note(changes, context, { type: 'crl', issuer, number: next.number, digest: next.digest })
        return next
      })
    }
  }
}

async function issuerOf(database: Kysely<Tables>, id: string): Promise<StoredIssuer | undefined> {
  const row = await database.selectFrom('issuers').selectAll().where('id', '=', id).executeTakeFirst()
  return row && { id, der: Uint8Array.from(Buffer.from(row.der, 'base64')) }
}

async function latestOf(database: Kysely<Tables>, issuer: string): Promise<StoredList | undefined> {
  const row = await database.selectFrom('lists').selectAll().where('issuer', '=', issuer).executeTakeFirst()
  return row && toList(row)
}

/** RFC 5280 §3.3: an entry stays until after the certificate is over. */
async function revokedOf(database: Kysely<Tables>, issuer: string): Promise<RevokedEntry[]> {
  const rows = await database
    .selectFrom('certificates')
    .select(['serial', 'revoked_at', 'reason'])
    .where('issuer', '=', issuer)
    .where('revoked_at', 'is not', null)
    .where('not_after', '>', Date.now() - GRACE_MS)
    .execute()
  return rows
    .map(({ serial, revoked_at, reason }) => ({
      serial,
      at: new Date(Number(revoked_at)),
      reason: reason as RevocationReason
    }))
    .toSorted((a, b) => (a.serial < b.serial ? -1 : 1))
}

/** A certificate that is over is taken for five minutes more (SPEC §4.3, M11), and clocks differ: an hour. */
const GRACE_MS = 3_600_000

function toRow({ issuer, number, thisUpdate, nextUpdate, der, digest }: StoredList): Tables['lists'] {
  return {
    issuer,
    number,
    this_update: thisUpdate.getTime(),
    next_update: nextUpdate.getTime(),
    der: Buffer.from(der).toString('base64'),
    digest
  }
}

function toList(row: Selectable<Tables['lists']>): StoredList {
  return {
    issuer: row.issuer,
    number: row.number,
    thisUpdate: new Date(row.this_update),
    nextUpdate: new Date(row.next_update),
    der: Uint8Array.from(Buffer.from(row.der, 'base64')),
    digest: row.digest
  }
}
