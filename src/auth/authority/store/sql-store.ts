import type { Kysely } from 'kysely'
import { SftError } from '../../../streams/errors.ts'
import { attemptStore } from './attempt-rows.ts'
import { type AuditContext, auditStore } from './audit-rows.ts'
import { certificateStore } from './certificate-rows.ts'
import { listStore } from './list-rows.ts'
import type { Tables } from './migrations.ts'
import { networkStore } from './network-rows.ts'
import { presenceStore } from './presence-rows.ts'
import type { AuthStore } from './store.ts'
import { tokenStore } from './token-rows.ts'
import { userStore } from './user-rows.ts'

/** A store over tables that are up to date; it closes `database`. */
export function sqlStore(database: Kysely<Tables>, context: AuditContext): AuthStore {
  const close = (): Promise<void> => database.destroy()
  return {
    shared: context.shared,
    users: guarded(userStore(database, context)),
    certificates: guarded(certificateStore(database, context)),
    lists: guarded(listStore(database, context)),
    audit: guarded(auditStore(database, context)),
    attempts: guarded(attemptStore(database, context.shared)),
    networks: guarded(networkStore(database)),
    presence: guarded(presenceStore(database)),
    tokens: guarded(tokenStore(database)),
    close,
    [Symbol.asyncDispose]: close
  }
}

/** What a database says of itself names hosts, tables and values: it is the cause, and not the message. */
export function storeFault(cause: unknown): never {
  if (SftError.is(cause)) throw cause
  throw new SftError('ERR_SFT_STORE', 'the store of the auth server cannot be opened, read or written', { cause })
}

/** The same methods, whose failures are coded. */
function guarded<T extends object>(methods: T): T {
  const entries = Object.entries(methods) as [string, (...args: unknown[]) => Promise<unknown>][]
  return Object.fromEntries(
    entries.map(([name, method]) => [name, (...args: unknown[]) => method(...args).catch(storeFault)])
  ) as T
}
