import { type Kysely, sql } from 'kysely'
import { type AuditEvent, CHAIN_START, type ChainEnd, chainLine, followChain } from '../../identity/audit-chain.ts'
import type { Tables } from './migrations.ts'
import type { AuditStore, AuditVerdict } from './store.ts'

/**
 * The audit (SPEC §4.7): one chain of lines for all servers and administrators of a store, each with the hash of the one before it. What changes the
 * books writes its line in the same transaction, so that neither is ever without the other.
 */

/** Of the advisory lock that puts lines in order; "sftA". */
const ORDER_LOCK = 0x73667441
const BATCH = 1000

export interface AuditContext {
  /** True for PostgreSQL; the transactions of SQLite exclude each other anyway. */
  readonly shared: boolean
  /** Who works on this store: a server, or an administrator. */
  readonly actor: string
}

export function auditStore(database: Kysely<Tables>, context: AuditContext): AuditStore {
  const lines = (after: number, limit: number) =>
    database.selectFrom('audit').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute()
  return {
    append: event => database.transaction().execute(changes => note(changes, context, event)),
    read: async (after, limit = BATCH) => (await lines(after, limit)).map(({ seq, line }) => ({ seq, line })),
    async verify() {
      let last = CHAIN_START
      for (;;) {
        // before the lines: one that is written meanwhile is among them then
        const end = await head(database)
        const batch = await lines(last.seq, BATCH)
        if (batch.length === 0) return endOf(last, end)
        for (const { seq, line } of batch) {
          const next = followChain(last, line, seq)
          if (typeof next === 'string') return { intact: false, lines: last.seq, at: last.seq + 1, problem: next }
          last = next
        }
      }
    }
  }
}

/** Writes a line in a transaction of its caller. */
export async function note(changes: Kysely<Tables>, { shared, actor }: AuditContext, event: AuditEvent): Promise<void> {
  if (shared) await sql`select pg_advisory_xact_lock(${ORDER_LOCK})`.execute(changes)
  const {
    line,
    end: { seq, hash }
  } = chainLine(await head(changes), actor, event)
  await changes.insertInto('audit').values({ seq, line }).execute()
  await changes
    .insertInto('audit_head')
    .values({ id: 1, seq, hash })
    .onConflict(conflict => conflict.column('id').doUpdateSet({ seq, hash }))
    .execute()
}

/** The end of the chain, kept apart from it: lines that are cut off there are missed. */
async function head(database: Kysely<Tables>): Promise<ChainEnd> {
  const row = await database.selectFrom('audit_head').select(['seq', 'hash']).executeTakeFirst()
  return row ?? CHAIN_START
}

function endOf(last: ChainEnd, end: ChainEnd): AuditVerdict {
  if (last.seq === end.seq && last.hash === end.hash) return { intact: true, lines: last.seq, head: last.hash }
  const problem = last.seq === end.seq ? 'the last line was changed' : 'the end was cut off, or lines were added'
  return { intact: false, lines: last.seq, at: Math.min(last.seq, end.seq) + (last.seq === end.seq ? 0 : 1), problem }
}
