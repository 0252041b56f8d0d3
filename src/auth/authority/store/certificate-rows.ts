import type { ExpressionBuilder, Kysely, Selectable } from 'kysely'
import { SftError } from '../../../streams/errors.ts'
import type { RevocationReason } from '../../certificates/crl.ts'
import { type AuditContext, note } from './audit-rows.ts'
import type { Tables } from './migrations.ts'
import type { CertificateStore, StoredCertificate } from './store.ts'

const HOLD: RevocationReason = 'certificateHold'

export function certificateStore(database: Kysely<Tables>, context: AuditContext): CertificateStore {
  const all = database.selectFrom('certificates').selectAll()
  return {
    add: ({ serial, name, issuer, notBefore, notAfter, der }) =>
      database.transaction().execute(async changes => {
        const times = { not_before: notBefore.getTime(), not_after: notAfter.getTime() }
        const { numInsertedOrUpdatedRows } = await changes
          .insertInto('certificates')
          .values({ serial, name, issuer, ...times, der: Buffer.from(der).toString('base64') })
          .onConflict(conflict => conflict.column('serial').doNothing())
          .executeTakeFirst()
        if (numInsertedOrUpdatedRows !== 1n)
          throw new SftError('ERR_SFT_EXISTS', 'a certificate has this serial number')
        await note(changes, context, { type: 'issue', name, serial, notAfter: notAfter.toISOString() })
      }),
    async get(serial) {
      const row = await all.where('serial', '=', serial).executeTakeFirst()
      return row && toCertificate(row)
    },
    async list({ name, activeAt } = {}) {
      const rows = await all
        .$if(name !== undefined, query => query.where('name', '=', name as string))
        .$if(activeAt !== undefined, query => query.where('not_after', '>', (activeAt as Date).getTime()))
        .orderBy('not_before', 'desc')
        .orderBy('serial')
        .execute()
      return rows.map(toCertificate)
    },
    revoke: (serial, reason) =>
      database.transaction().execute(async changes => {
        if (reason === HOLD)
          throw new SftError('ERR_SFT_USAGE', 'on hold are the certificates of users who are disabled')
        const { numUpdatedRows } = await changes
          .updateTable('certificates')
          .set({ revoked_at: Date.now(), reason })
          .where('serial', '=', serial)
          .where(notRevokedForGood)
          .executeTakeFirst()
        const known = await changes
          .selectFrom('certificates')
          .select('name')
          .where('serial', '=', serial)
          .executeTakeFirst()
        if (known === undefined)
          throw new SftError('ERR_SFT_NOT_FOUND', 'there is no certificate of this serial number')
        if (numUpdatedRows > 0n) await note(changes, context, { type: 'revoke', name: known.name, serial, reason })
      })
  }
}

/** Revokes all certificates of a name that are not revoked for good; how many. */
export async function revokeAll(database: Kysely<Tables>, name: string, reason: RevocationReason): Promise<number> {
  const { numUpdatedRows } = await database
    .updateTable('certificates')
    .set({ revoked_at: Date.now(), reason })
    .where('name', '=', name)
    .where(reason === HOLD ? isNull : notRevokedForGood)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Ends the hold on the certificates of a name; of how many. */
export async function lift(database: Kysely<Tables>, name: string): Promise<number> {
  const { numUpdatedRows } = await database
    .updateTable('certificates')
    .set({ revoked_at: null, reason: null })
    .where('name', '=', name)
    .where('reason', '=', HOLD)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

type Certificates = ExpressionBuilder<Tables, 'certificates'>

const isNull = (row: Certificates) => row('revoked_at', 'is', null)
const notRevokedForGood = (row: Certificates) => row.or([row('revoked_at', 'is', null), row('reason', '=', HOLD)])

function toCertificate(row: Selectable<Tables['certificates']>): StoredCertificate {
  const { serial, name, issuer, revoked_at, reason } = row
  return {
    serial,
    name,
    issuer,
    notBefore: new Date(row.not_before),
    notAfter: new Date(row.not_after),
    der: Uint8Array.from(Buffer.from(row.der, 'base64')),
    ...(revoked_at === null ? {} : { revoked: { at: new Date(revoked_at), reason: reason as RevocationReason } })
  }
}
