import { dueOf, type Identity, lifeOf } from './identity.ts'

/** Keeps the certificate of a process that runs for long from ending (SPEC §4.6). */

export interface AutoRenewalOptions {
  readonly identity: Identity
  /** Gets a new certificate for the same key, and stores it if need be. */
  readonly renew: (identity: Identity) => Promise<Identity>
  readonly onRenewed: (identity: Identity) => void
  /** Told of a renewal that failed; it is tried again. */
  readonly onFault: (error: unknown) => void
  /** A clock in ms since 1970. */
  readonly now?: () => number
}

/** Milliseconds between two looks at the clock; timers stand still while a machine sleeps. */
const MIN_LOOK_MS = 1000
const MAX_LOOK_MS = 3_600_000
/** Looks in one life, and the share of it over which renewals of many machines are spread. */
const LOOKS = 50
const JITTER = 0.1

/** Renews from two thirds of each life on, a little earlier or later on each machine, until `stop`. Its timer keeps no process alive. */
export function keepRenewed(options: AutoRenewalOptions): { stop(): void } {
  const { renew, onRenewed, onFault, now = Date.now } = options
  let { identity } = options
  const dueSoon = (): number => dueOf(identity, (Math.random() - 0.5) * JITTER)
  let due = dueSoon()
  let stopped = false
  let timer: NodeJS.Timeout
  const look = async (): Promise<void> => {
    if (now() >= due) {
      try {
        identity = await renew(identity)
        due = dueSoon()
        if (!stopped) onRenewed(identity)
      } catch (error) {
        if (!stopped) onFault(error)
      }
    }
    schedule()
  }
  const schedule = (): void => {
    const { start, end } = lifeOf(identity)
    const pause = Math.min(MAX_LOOK_MS, Math.max(MIN_LOOK_MS, (end - start) / LOOKS))
    if (!stopped) timer = setTimeout(look, pause).unref()
  }
  schedule()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    }
  }
}
