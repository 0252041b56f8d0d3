import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Tables } from './migrations.ts'
import type { TokenStore } from './store.ts'

const SECRET_BYTES = 32

export function tokenStore(database: Kysely<Tables>): TokenStore {
  const stored = async (): Promise<Buffer | undefined> => {
    const row = await database.selectFrom('token_secret').select('secret').where('id', '=', 1).executeTakeFirst()
    return row && Buffer.from(row.secret, 'base64')
  }
  return {
    async secret() {
      const present = await stored()
      if (present) return present
      // of servers that begin at once, the first one's stays
      const secret = randomBytes(SECRET_BYTES).toString('base64')
      const insert = database.insertInto('token_secret').values({ id: 1, secret })
      await insert.onConflict(conflict => conflict.column('id').doNothing()).execute()
      return (await stored()) as Buffer
    },
    async spend(id, until) {
      await database.deleteFrom('tokens').where('until', '<', Date.now()).execute()
      const { numInsertedOrUpdatedRows } = await database
        .insertInto('tokens')
        .values({ id, until: until.getTime() })
        .onConflict(conflict => conflict.column('id').doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    }
  }
}
