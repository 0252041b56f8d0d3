/** A lock on one account for one network (SPEC §4.4): whoever guesses shuts out himself, and nobody else. */

export interface SoftLockOptions {
  /** Failures in a row that lock; 10 by default. */
  readonly failures?: number
  /** Milliseconds of the lock, from the latest failure on; 15 minutes by default. */
  readonly duration?: number
  /** Keys that are remembered, 10,000 by default. */
  readonly keys?: number
  /** Milliseconds from any fixed moment; the monotonic clock by default. */
  readonly now?: () => number
}

export interface SoftLock {
  isLocked(key: string): boolean
  fail(key: string): void
  /** Forgets the failures. */
  succeed(key: string): void
}

/** Makes a soft lock. Of more than `keys` the one that failed longest ago is forgotten: its attempts are limited anyway. */
export function softLock(options: SoftLockOptions = {}): SoftLock {
  const { failures = 10, duration = 15 * 60_000, keys = 10_000, now = () => performance.now() } = options
  // in the order of the latest failure
  const counts = new Map<string, { failures: number; latest: number }>()
  const current = (key: string) => {
    const count = counts.get(key)
    if (count === undefined || now() - count.latest < duration) return count
    counts.delete(key)
    return undefined
  }
  return {
    isLocked: key => (current(key)?.failures ?? 0) >= failures,
    fail(key) {
      const before = current(key)?.failures ?? 0
      counts.delete(key)
      counts.set(key, { failures: before + 1, latest: now() })
      const [oldest] = counts.keys()
      if (counts.size > keys && oldest !== undefined) counts.delete(oldest)
    },
    succeed: key => void counts.delete(key)
  }
}
