import { type Kysely, sql } from 'kysely'
import type { Tables } from './migrations.ts'
import type { AttemptStore } from './store.ts'

/** Of the advisory locks that let one server at a time take the attempts of a key; "sftL". */
const TAKE_LOCK = 0x7366744c

/** @param shared true for PostgreSQL; the transactions of SQLite exclude each other anyway */
export function attemptStore(database: Kysely<Tables>, shared: boolean): AttemptStore {
  return {
    take: (key, { attempts, window, now }) =>
      database.transaction().execute(async changes => {
        if (shared) await sql`select pg_advisory_xact_lock(${TAKE_LOCK}, hashtext(${key}))`.execute(changes)
        const { count } = await changes
          .selectFrom('attempts')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('key', '=', key)
          .where('at', '>', now - window)
          // of a server whose clock was ahead for a while
          .where('at', '<=', now + window)
          .executeTakeFirstOrThrow()
        if (Number(count) >= attempts) return false
        await changes
          .deleteFrom('attempts')
          .where('at', '<=', now - window)
          .execute()
        await changes.insertInto('attempts').values({ key, at: now }).execute()
        return true
      }),
    async fail(key, { duration, now }) {
      await database
        .deleteFrom('failures')
        .where('latest', '<=', now - duration)
        .execute()
      await database
        .insertInto('failures')
        .values({ key, count: 1, latest: now })
        .onConflict(conflict =>
          conflict.column('key').doUpdateSet({ count: ({ ref }) => sql`${ref('failures.count')} + 1`, latest: now })
        )
        .execute()
    },
    async failures(key, { duration, now }) {
      const row = await database
        .selectFrom('failures')
        .select('count')
        .where('key', '=', key)
        .where('latest', '>', now - duration)
        .executeTakeFirst()
      return row?.count ?? 0
    },
    async succeed(key) {
      await database.deleteFrom('failures').where('key', '=', key).execute()
    }
  }
}
