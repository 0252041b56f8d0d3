import type { Kysely } from 'kysely'
import type { Tables } from './migrations.ts'
import type { NetworkStore } from './store.ts'

/** Milliseconds that a success counts. */
const KNOWN_FOR_MS = 30 * 86_400_000

export function networkStore(database: Kysely<Tables>): NetworkStore {
  return {
    async isKnown(name, network) {
      const row = await database
        .selectFrom('networks')
        .select('latest')
        .where('name', '=', name)
        .where('network', '=', network)
        .executeTakeFirst()
      return row !== undefined && Date.now() - row.latest < KNOWN_FOR_MS
    },
    async note(name, network) {
      const latest = Date.now()
      await database
        .deleteFrom('networks')
        .where('latest', '<', latest - KNOWN_FOR_MS)
        .execute()
      await database
        .insertInto('networks')
        .values({ name, network, latest })
        .onConflict(conflict => conflict.columns(['name', 'network']).doUpdateSet({ latest }))
        .execute()
    }
  }
}
