import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { RevokedEntry } from '../certificates/crl.ts'
import type { Authority } from './authority.ts'
import type { AuthStore, StoredList } from './store/store.ts'

/** The revocation list of the issuing CA (SPEC §4.5): signed when something was revoked, and every hour. */

/** Milliseconds that a list counts for. */
const LIST_LIFE_MS = 24 * 3_600_000
/** Milliseconds after which one with the same content is signed again. */
const RENEW_AFTER_MS = 3_600_000
/** Milliseconds between two looks at what is revoked, by whichever process or server. */
const LOOK_EVERY_MS = 2000

export interface ListKeeper {
  readonly latest: StoredList
  /** Looks at once. */
  refresh(): Promise<void>
  /** Waits for a list with a number above `number`, at most `ms`; the latest in any case. */
  after(number: number, ms: number): Promise<StoredList>
  stop(): void
}

export interface ListOptions {
  readonly authority: Authority
  readonly store: AuthStore
  /** Told of a look that failed; the next one may succeed. */
  readonly onFault: (error: unknown) => void
  /** Milliseconds; 2,000 by default. */
  readonly every?: number | undefined
}

/**
 * Publishes the list that the store calls for: the next number when its content has changed or an hour has passed, the latest otherwise. Servers
 * of one store agree on it.
 *
 * @throws SftError ERR_SFT_STORE, ERR_SFT_LIMIT.
 */
export function publishList(authority: Authority, store: AuthStore, now = new Date()): Promise<StoredList> {
  const { issuerId } = authority
  return store.lists.publish(issuerId, (entries, latest) => {
    const digest = digestOf(entries)
    const age = latest === undefined ? Number.POSITIVE_INFINITY : now.getTime() - latest.thisUpdate.getTime()
    if (latest?.digest === digest && age < RENEW_AFTER_MS) return undefined
    const number = (latest?.number ?? 0) + 1
    // a clock that was set back must not make a list that looks older than the one before
    const thisUpdate = age < 0 ? (latest as StoredList).thisUpdate : now
    const nextUpdate = new Date(thisUpdate.getTime() + LIST_LIFE_MS)
    const der = authority.signList({ number, thisUpdate, nextUpdate, entries })
    return { issuer: issuerId, number, thisUpdate, nextUpdate, der, digest }
  })
}

/** Keeps the latest list at hand until `stop`. */
export async function keepList({ authority, store, onFault, every = LOOK_EVERY_MS }: ListOptions): Promise<ListKeeper> {
  let latest = await publishList(authority, store)
  let news = Promise.withResolvers<void>()
  const refresh = async (): Promise<void> => {
    const next = await publishList(authority, store)
    if (next.number <= latest.number) return
    latest = next
    news.resolve()
    news = Promise.withResolvers<void>()
  }
  let stopped = false
  const look = async (): Promise<void> => {
    await refresh().catch(onFault)
    if (!stopped) timer = setTimeout(look, every).unref()
  }
  let timer = setTimeout(look, every).unref()
  return {
    get latest() {
      return latest
    },
    refresh,
    async after(number, ms) {
      if (latest.number > number || stopped) return latest
      const over = new AbortController()
      await Promise.race([news.promise, delay(ms, undefined, { signal: over.signal }).catch(() => undefined)])
      over.abort()
      return latest
    },
    stop() {
      stopped = true
      clearTimeout(timer)
      news.resolve()
    }
  }
}

/** Of what a list says, apart from its number and its times. */
function digestOf(entries: readonly RevokedEntry[]): string {
  const hash = createHash('sha256')
  for (const { serial, at, reason } of entries) hash.update(`${serial} ${at.getTime()} ${reason}\n`)
  return hash.digest('hex')
}
