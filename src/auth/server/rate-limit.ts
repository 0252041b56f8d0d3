import { isIPv6 } from 'node:net'
import type { AttemptStore } from '../authority/store/store.ts'

/** A limit on attempts by key, over a sliding window, in bounded memory (SPEC §4.4, guesses). */

export interface RateLimitOptions {
  /** Attempts that a key has within one window. */
  readonly attempts: number
  /** Milliseconds; a minute by default. */
  readonly window?: number
  /** Keys that are remembered, 10,000 by default. */
  readonly keys?: number
  /** Milliseconds from any fixed moment; the monotonic clock by default. */
  readonly now?: () => number
}

/** Takes one attempt of a key; false when it has none left. */
export type RateLimit = (key: string) => boolean

/**
 * Makes a rate limit. It remembers at most `keys × attempts` moments. When that many keys are active, new ones are refused: forgetting one
 * instead would let a flood of keys buy further attempts at an old one.
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  const { attempts, window = 60_000, keys = 10_000, now = () => performance.now() } = options
  // In the order of the latest attempt, so those whose window is over stand first.
  const moments = new Map<string, number[]>()
  const forgetExpired = (start: number): void => {
    for (const [key, taken] of moments) {
      if ((taken.at(-1) ?? 0) > start) return
      moments.delete(key)
    }
  }
  return key => {
    const start = now() - window
    forgetExpired(start)
    const recent = (moments.get(key) ?? []).filter(moment => moment > start)
    if (recent.length >= attempts || (recent.length === 0 && moments.size >= keys)) return false
    moments.delete(key)
    moments.set(key, [...recent, now()])
    return true
  }
}

/** A limit that all servers of a store share; takes one attempt of a key. */
export type SharedLimit = (key: string) => Promise<boolean>

/** Makes a shared limit. What this server refuses by its own count costs the store nothing. */
export function sharedLimit(store: AttemptStore, name: string, attempts: number, window = 60_000): SharedLimit {
  const own = rateLimit({ attempts, window })
  return async key => own(key) && (await store.take(`${name} ${key}`, { attempts, window, now: Date.now() }))
}

/** The key of a source address: all of IPv4, the /64 of IPv6, which is one subscriber's. */
export function sourceKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const plain = address.replace(/%.*$/, '')
  if (!isIPv6(plain)) return address
  const [head = '', tail = ''] = new URL(`http://[${plain}]/`).hostname.slice(1, -1).split('::')
  const words = head === '' ? [] : head.split(':')
  const rest = tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(Math.max(0, 8 - words.length - rest.length)).fill('0')
  return `${[...words, ...zeros, ...rest].slice(0, 4).join(':')}::/64`
}
