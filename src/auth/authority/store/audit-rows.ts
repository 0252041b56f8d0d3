import { type Kysely, sql } from 'kysely'
import { SftError } from '../../../streams/errors.ts'
import {
  type AuditEvent,
  CHAIN_START,
  type ChainEnd,
  chainLine,
  followChain,
  hashOf
} from '../../identity/audit-chain.ts'
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
    start: () => mark(database, START),
    end: () => mark(database, END),
    async cut(from, to) {
      await database.transaction().execute(async changes => {
        await order(changes, context)
        const row = await changes.selectFrom('audit').select('line').where('seq', '=', to.seq).executeTakeFirst()
        const start = await mark(changes, START)
        if (start.seq !== from.seq || row === undefined || hashOf(row.line) !== to.hash)
          throw new SftError('ERR_SFT_AUDIT', 'what was archived is no part of this audit')
        await setMark(changes, START, to)
        await append(changes, context, { type: 'archive', first: from.seq + 1, last: to.seq })
      })
      await forget(database, to.seq)
    },
    async verify() {
      const start = await mark(database, START)
      let last = start
      for (;;) {
        // before the lines: one that is written meanwhile is among them then
        const end = await mark(database, END)
        const batch = await lines(last.seq, BATCH)
        if (batch.length === 0) return endOf(start, last, end)
        for (const { seq, line } of batch) {
          const next = followChain(last, line, seq)
          if (typeof next === 'string')
            return { intact: false, lines: last.seq - start.seq, at: last.seq + 1, problem: next }
          last = next
        }
      }
    }
  }
}

/** Writes a line in a transaction of its caller. */
export async function note(changes: Kysely<Tables>, context: AuditContext, event: AuditEvent): Promise<void> {
  await order(changes, context)
  await append(changes, context, event)
}

async function order(changes: Kysely<Tables>, { shared }: AuditContext): Promise<void> {
  if (shared) await sql`select pg_advisory_xact_lock(${ORDER_LOCK})`.execute(changes)
}

async function append(changes: Kysely<Tables>, { actor }: AuditContext, event: AuditEvent): Promise<void> {
  const { line, end } = chainLine(await mark(changes, END), actor, event)
  await changes.insertInto('audit').values({ seq: end.seq, line }).execute()
  await setMark(changes, END, end)
}

/** The ends of the chain, kept apart from it: lines that are cut off there are missed. `START` is the last line that was archived. */
const END = 1
const START = 2

async function mark(database: Kysely<Tables>, id: number): Promise<ChainEnd> {
  const row = await database.selectFrom('audit_head').select(['seq', 'hash']).where('id', '=', id).executeTakeFirst()
  return row ?? CHAIN_START
}

async function setMark(changes: Kysely<Tables>, id: number, { seq, hash }: ChainEnd): Promise<void> {
  await changes
    .insertInto('audit_head')
    .values({ id, seq, hash })
    .onConflict(conflict => conflict.column('id').doUpdateSet({ seq, hash }))
    .execute()
}

/** Deletes what was archived, a little at a time: no writer waits for all of it. What a crash leaves goes with the next. */
async function forget(database: Kysely<Tables>, last: number): Promise<void> {
  for (;;) {
    const first = await database.selectFrom('audit').select('seq').orderBy('seq').limit(1).executeTakeFirst()
    if (first === undefined || first.seq > last) return
    await database
      .deleteFrom('audit')
      .where('seq', '<=', Math.min(last, first.seq + BATCH - 1))
      .execute()
  }
}

function endOf(start: ChainEnd, last: ChainEnd, end: ChainEnd): AuditVerdict {
  const lines = last.seq - start.seq
  if (last.seq === end.seq && last.hash === end.hash)
    return { intact: true, first: start.seq + 1, lines, head: last.hash }
  const problem = last.seq === end.seq ? 'the last line was changed' : 'the end was cut off, or lines were added'
  return { intact: false, lines, at: Math.min(last.seq, end.seq) + (last.seq === end.seq ? 0 : 1), problem }
}
