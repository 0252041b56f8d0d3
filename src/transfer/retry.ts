import { setTimeout as delay } from 'node:timers/promises'
import { SftError } from '../streams/errors.ts'

/** Attempts again what may succeed the next time. */

export interface RetryOptions {
  /** Further attempts after a failure that may pass; default 0. */
  retry?: number | undefined
  /** Told before each of them: why, and in how many ms. */
  onRetry?: ((error: SftError, wait: number) => void) | undefined
}

/** When attempts end sooner, or go on for longer, than their number says. */
export interface Attempts extends RetryOptions {
  /** Whether no attempt can succeed any more. */
  readonly isFinal?: () => boolean
  /** Whether one has begun farther on since it was asked last: the failures before it count no more. */
  readonly advanced?: () => boolean
}

/** Bounds of the wait before the first attempt, doubled for each further one up to the last bound; ms. */
const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000

/**
 * Runs `attempt` until it succeeds, fails for good, or has failed `retry` times more. Before each it waits for a random part of a time that doubles, so that many who lost the same
 * peer do not come back at once.
 *
 * @throws what the last attempt failed with; the reason of `signal`.
 */
export async function retrying<T>(
  { retry = 0, onRetry = () => {}, isFinal = () => false, advanced = () => false }: Attempts,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>
): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      return await attempt()
    } catch (error) {
      if (advanced()) failures = 0
      if (!SftError.is(error) || !error.retryable || failures >= retry || signal?.aborted || isFinal()) throw error
      const wait = Math.round(Math.random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++))
      onRetry(error, wait)
      await delay(wait, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())
    }
  }
}
