import type { Kysely, Selectable } from 'kysely'
import { SftError } from '../../../streams/errors.ts'
import { parseUserName } from '../../certificates/names.ts'
import { type AuditContext, note } from './audit-rows.ts'
import { lift, revokeAll } from './certificate-rows.ts'
import type { Tables } from './migrations.ts'
import type { User, UserStore } from './store.ts'

export function userStore(database: Kysely<Tables>, context: AuditContext): UserStore {
  const all = database.selectFrom('users').selectAll()
  return {
    add: (name, password) =>
      database.transaction().execute(async changes => {
        const row = { name: parseUserName(name), password, disabled: 0, created: Date.now() }
        const { numInsertedOrUpdatedRows } = await changes
          .insertInto('users')
          .values(row)
          .onConflict(conflict => conflict.column('name').doNothing())
          .executeTakeFirst()
        if (numInsertedOrUpdatedRows !== 1n) throw new SftError('ERR_SFT_EXISTS', 'this user exists already')
        await note(changes, context, { type: 'user.add', name })
      }),
    async get(name) {
      const row = await all.where('name', '=', name).executeTakeFirst()
      return row && toUser(row)
    },
    async list() {
      // here, since databases order dots and dashes by their locale
      const rows = await all.execute()
      return rows.map(toUser).toSorted((a, b) => (a.name < b.name ? -1 : 1))
    },
    setPassword: (name, password) =>
      database.transaction().execute(async changes => {
        const { numUpdatedRows } = await changes
          .updateTable('users')
          .set({ password })
          .where('name', '=', name)
          .executeTakeFirst()
        requireOne(numUpdatedRows)
        await note(changes, context, { type: 'user.password', name })
      }),
    setDisabled: (name, disabled) =>
      database.transaction().execute(async changes => {
        const { numUpdatedRows } = await changes
          .updateTable('users')
          .set({ disabled: disabled ? 1 : 0 })
          .where('name', '=', name)
          .executeTakeFirst()
        requireOne(numUpdatedRows)
        const certificates = await (disabled ? revokeAll(changes, name, 'certificateHold') : lift(changes, name))
        await note(changes, context, { type: disabled ? 'user.disable' : 'user.enable', name, certificates })
      }),
    remove: name =>
      database.transaction().execute(async changes => {
        const { numDeletedRows } = await changes.deleteFrom('users').where('name', '=', name).executeTakeFirst()
        requireOne(numDeletedRows)
        await changes.deleteFrom('networks').where('name', '=', name).execute()
        await changes.deleteFrom('presence').where('name', '=', name).execute()
        const certificates = await revokeAll(changes, name, 'cessationOfOperation')
        await note(changes, context, { type: 'user.remove', name, certificates })
      })
  }
}

function requireOne(count: bigint): void {
  if (count !== 1n) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no such user')
}

function toUser({ name, password, disabled, created }: Selectable<Tables['users']>): User {
  return { name, password, disabled: disabled !== 0, created: new Date(created) }
}
