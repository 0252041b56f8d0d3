import type { AttemptStore } from '../authority/store/store.ts'

/** A lock on one account for one network (SPEC §4.4), which all servers of a store share: whoever guesses shuts out himself, and nobody else. */

export interface SoftLockOptions {
  /** Failures in a row that lock; 10 by default. */
  readonly failures?: number
  /** Milliseconds of the lock, from the latest failure on; 15 minutes by default. */
  readonly duration?: number
  /** Milliseconds since 1970; the clock by default. */
  readonly now?: () => number
}

/** Its methods reject with ERR_SFT_STORE. */
export interface SoftLock {
  isLocked(key: string): Promise<boolean>
  fail(key: string): Promise<void>
  /** Forgets the failures. */
  succeed(key: string): Promise<void>
}

export function softLock(store: AttemptStore, options: SoftLockOptions = {}): SoftLock {
  const { failures = 10, duration = 15 * 60_000, now = Date.now } = options
  return {
    isLocked: async key => (await store.failures(key, { duration, now: now() })) >= failures,
    fail: key => store.fail(key, { duration, now: now() }),
    succeed: key => store.succeed(key)
  }
}
