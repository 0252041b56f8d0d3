import type { Kysely } from 'kysely'
import type { Tables } from './migrations.ts'
import type { PresenceKind, PresenceStore } from './store.ts'

/** Announcements that are listed at once. */
const MAX_LISTED = 1000

export function presenceStore(database: Kysely<Tables>): PresenceStore {
  return {
    async announce({ name, kind, host, port, until }) {
      const place = { host, port, until: until.getTime() }
      await database
        .insertInto('presence')
        .values({ name, kind, ...place })
        .onConflict(conflict => conflict.columns(['name', 'kind']).doUpdateSet(place))
        .execute()
    },
    async withdraw(name, kind) {
      await database.deleteFrom('presence').where('name', '=', name).where('kind', '=', kind).execute()
    },
    async list(name) {
      const all = database.selectFrom('presence').selectAll().where('until', '>', Date.now())
      const asked = name === undefined ? all : all.where('name', '=', name)
      const rows = await asked.orderBy('name').orderBy('kind').limit(MAX_LISTED).execute()
      return rows.map(({ kind, port, until, ...row }) => ({
        ...row,
        kind: kind as PresenceKind,
        port: Number(port),
        until: new Date(Number(until))
      }))
    }
  }
}
