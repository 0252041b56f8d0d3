import type { RevocationReason, RevokedEntry } from '../../certificates/crl.ts'
import type { AuditEvent, ChainEnd } from '../../identity/audit-chain.ts'

/**
 * What an auth server remembers: users, the certificates it issued, and the revocation lists it signed. One interface, over SQLite in one
 * file or over PostgreSQL, which several auth servers share. A change is on the disk when its promise fulfils.
 *
 * Every method rejects with ERR_SFT_STORE when the database cannot be reached or asked.
 */
export interface AuthStore extends AsyncDisposable {
  /** True when other auth servers may work on it, too. */
  readonly shared: boolean
  readonly users: UserStore
  readonly certificates: CertificateStore
  readonly lists: ListStore
  readonly audit: AuditStore
  readonly attempts: AttemptStore
  readonly networks: NetworkStore
  readonly presence: PresenceStore
  readonly tokens: TokenStore
  close(): Promise<void>
}

export interface User {
  readonly name: string
  /** PHC string. */
  readonly password: string
  readonly disabled: boolean
  readonly created: Date
}

export interface UserStore {
  /** @throws SftError ERR_SFT_EXISTS for a name that is taken, ERR_SFT_USAGE for one that is none. */
  add(name: string, password: string): Promise<void>
  get(name: string): Promise<User | undefined>
  /** All users in the order of names. */
  list(): Promise<readonly User[]>
  /** @throws SftError ERR_SFT_NOT_FOUND */
  setPassword(name: string, password: string): Promise<void>
  /**
   * Stops or allows logins; the user and the password stay. The certificates of a user who is disabled are on hold until the user is enabled
   * again, in the same transaction.
   *
   * @throws SftError ERR_SFT_NOT_FOUND
   */
  setDisabled(name: string, disabled: boolean): Promise<void>
  /** Forgets a user and revokes every certificate of that name, in one transaction: the next one of this name is somebody else. @throws SftError ERR_SFT_NOT_FOUND */
  remove(name: string): Promise<void>
}

export interface Revocation {
  readonly at: Date
  readonly reason: RevocationReason
}

/** A member's certificate as it was issued. */
export interface CertificateEntry {
  /** Serial number in hex, lower case. */
  readonly serial: string
  readonly name: string
  /** SHA-256 of the issuing CA's SPKI in hex. */
  readonly issuer: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly der: Uint8Array
}

export interface StoredCertificate extends CertificateEntry {
  readonly revoked?: Revocation
}

export interface CertificateStore {
  /** Remembers a certificate before anybody gets it. @throws SftError ERR_SFT_EXISTS for a serial that is there. */
  add(entry: CertificateEntry): Promise<void>
  get(serial: string): Promise<StoredCertificate | undefined>
  /** The latest first; those of one name, and those that are not over at a moment, when asked. */
  list(filter?: { name?: string | undefined; activeAt?: Date | undefined }): Promise<readonly StoredCertificate[]>
  /**
   * Revokes for good. A certificate that is revoked stays so, with the reason that it has; one on hold takes the new one.
   *
   * @throws SftError ERR_SFT_NOT_FOUND; ERR_SFT_USAGE for `certificateHold`, which is the state of a disabled user.
   */
  revoke(serial: string, reason: RevocationReason): Promise<void>
}

/** A signed revocation list (RFC 5280 §5). */
export interface StoredList {
  /** Of its CA: SHA-256 of the SPKI in hex. */
  readonly issuer: string
  /** CRL number; it only grows. */
  readonly number: number
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  readonly der: Uint8Array
  /** Of the entries; a list of the same content need not be signed again before its time. */
  readonly digest: string
}

/** A CA whose lists are in the store. */
export interface StoredIssuer {
  /** SHA-256 of the SPKI in hex. */
  readonly id: string
  /** Of its certificate. */
  readonly der: Uint8Array
}

/** Decides about the next list, by what is revoked and not over, in the order of serials, and the latest list: how to sign it, or undefined when the latest still stands. */
export type ListDecision = (
  entries: readonly RevokedEntry[],
  latest: StoredList | undefined
) => (() => StoredList) | undefined

export interface ListStore {
  latest(issuer: string): Promise<StoredList | undefined>
  /**
   * Signs the next list, under a lock that all servers of this store share: one number, one list. `decide` is asked without the lock first, and once
   * more under it.
   */
  publish(issuer: string, decide: ListDecision): Promise<StoredList>
  /** The number of the latest list of every CA. */
  numbers(): Promise<ReadonlyMap<string, number>>
  /** Remembers a CA; one that is there stays. */
  addIssuer(issuer: StoredIssuer): Promise<void>
  issuer(id: string): Promise<StoredIssuer | undefined>
  /** True while a certificate of this CA is not over. */
  isNeeded(issuer: string): Promise<boolean>
}

export type AuditVerdict =
  | {
      readonly intact: true
      /** Number of the first line that is in the store. */
      readonly first: number
      readonly lines: number /** Hash of the last line; keep it elsewhere to know of it later. */
      readonly head: string
    }
  | {
      readonly intact: false /** Lines before it that are good. */
      readonly lines: number
      readonly at: number
      readonly problem: string
    }

export interface AuditStore {
  /** Writes one line behind all others; `seq`, `time`, `by` and `prev` are the store's. */
  append(event: AuditEvent): Promise<void>
  /** Lines after a number, in order, as JSON; at most `limit`, 1,000 by default. */
  read(after: number, limit?: number): Promise<readonly { readonly seq: number; readonly line: string }[]>
  /** Finds the first line that was changed, cut out or moved, of those that are in the store. */
  verify(): Promise<AuditVerdict>
  /** The line before the first one that is in the store, and the last one. */
  start(): Promise<ChainEnd>
  end(): Promise<ChainEnd>
  /**
   * Forgets the lines behind `from`, where the store begins, to `to`, which are durable elsewhere; a line says so.
   *
   * @throws SftError ERR_SFT_AUDIT when the store does not begin or go on like that.
   */
  cut(from: ChainEnd, to: ChainEnd): Promise<void>
}

/** Of enrolment tokens: the key that all servers of a store sign them with, and which have been used. */
export interface TokenStore {
  /** 32 bytes, made at the first call. */
  secret(): Promise<Uint8Array>
  /** True for the first call with this number; it is remembered until the token is over. */
  spend(id: string, until: Date): Promise<boolean>
}

/** What somebody who listens is there for: others get files from `serve`, and send to `receive`. */
export const PRESENCE_KINDS = ['serve', 'receive'] as const
export type PresenceKind = (typeof PRESENCE_KINDS)[number]

/** Where a user listens, as he has said. */
export interface Presence {
  readonly name: string
  readonly kind: PresenceKind
  /** Name or address, as the user or the connection said. */
  readonly host: string
  readonly port: number
  readonly until: Date
}

/** Who listens where: the latest word of each user and kind, until its time is over. */
export interface PresenceStore {
  announce(entry: Presence): Promise<void>
  withdraw(name: string, kind: PresenceKind): Promise<void>
  /** In the order of names; at most 1,000. */
  list(name?: string): Promise<readonly Presence[]>
}

/**
 * Attempts and failures by key, counted for all servers of a store and across their restarts (SPEC §4.4). Times are milliseconds of the caller's clock; what is over
 * is forgotten by the next call.
 */
export interface AttemptStore {
  /** Takes one of the attempts that a key has in a window that ends now; false when it has none left. */
  take(key: string, limit: { attempts: number; window: number; now: number }): Promise<boolean>
  /** Counts a failure. Those in a row, less than `duration` apart, count together. */
  fail(key: string, lock: { duration: number; now: number }): Promise<void>
  /** How many failures in a row there are, the latest less than `duration` ago. */
  failures(key: string, lock: { duration: number; now: number }): Promise<number>
  /** Forgets the failures. */
  succeed(key: string): Promise<void>
}

/** From where users have logged in: a stranger's guesses must not keep them out (SPEC §4.4). */
export interface NetworkStore {
  /** True when this user has logged in from there within 30 days. */
  isKnown(name: string, network: string): Promise<boolean>
  note(name: string, network: string): Promise<void>
}
