import type { ExpressionBuilder, Kysely, Selectable } from 'kysely'
import { SftError } from '../../../streams/errors.ts'
import type { RevocationReason } from '../../certificates/crl.ts'
import type { Tables } from './migrations.ts'
import type { CertificateStore, StoredCertificate } from './store.ts'

const HOLD: RevocationReason = 'certificateHold'

export function certificateStore(database: Kysely<Tables>): CertificateStore {
  const all = database.selectFrom('certificates').selectAll()
  return {
    async add({ serial, name, issuer, notBefore, notAfter, der }) {
      const times = { not_before: notBefore.getTime(), not_after: notAfter.getTime() }
      const { numInsertedOrUpdatedRows } = await database
        .insertInto('certificates')
        .values({ serial, name, issuer, ...times, der: Buffer.from(der).toString('base64') })
        .onConflict(conflict => conflict.column('serial').doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows !== 1n) throw new SftError('ERR_SFT_EXISTS', 'a certificate has this serial number')
    },
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
    async revoke(serial, reason) {
      if (reason === HOLD) throw new SftError('ERR_SFT_USAGE', 'on hold are the certificates of users who are disabled')
      await database
        .updateTable('certificates')
        .set({ revoked_at: Date.now(), reason })
        .where('serial', '=', serial)
        .where(notRevokedForGood)
        .execute()
      const known = await database
        .selectFrom('certificates')
        .select('serial')
        .where('serial', '=', serial)
        .executeTakeFirst()
      if (known === undefined) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no certificate of this serial number')
    }
  }
}

/** Revokes all certificates of a name that are not revoked for good. */
export async function revokeAll(database: Kysely<Tables>, name: string, reason: RevocationReason): Promise<void> {
  await database
    .updateTable('certificates')
    .set({ revoked_at: Date.now(), reason })
    .where('name', '=', name)
    .where(reason === HOLD ? isNull : notRevokedForGood)
    .execute()
}

/** Ends the hold on the certificates of a name. */
export async function lift(database: Kysely<Tables>, name: string): Promise<void> {
  await database
    .updateTable('certificates')
    .set({ revoked_at: null, reason: null })
    .where('name', '=', name)
    .where('reason', '=', HOLD)
    .execute()
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
