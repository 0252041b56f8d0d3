/** Notices when the clock of this machine jumps: certificates, lists and the audit are dated by it. */

export interface ClockOptions {
  /** Told by how many ms the clock has jumped; more than zero is forward, as after a sleep of the machine. */
  readonly onStep: (ms: number) => void
  /** Milliseconds between two looks; 10 s by default. */
  readonly every?: number
  /** The clock, and one that nobody sets; both in ms. */
  readonly clock?: () => number
  readonly steady?: () => number
}

/** What two clocks may drift apart between two looks, and a look may be late, in ms. */
const TOLERANCE_MS = 2000

/** Looks until `stop`; its timer keeps no process alive. */
export function watchClock(options: ClockOptions): { look(): void; stop(): void } {
  const { onStep, every = 10_000, clock = () => Date.now(), steady = () => performance.now() } = options
  let ahead = clock() - steady()
  const look = (): void => {
    const now = clock() - steady()
    const step = Math.round(now - ahead)
    ahead = now
    if (Math.abs(step) > TOLERANCE_MS) onStep(step)
  }
  const timer = setInterval(look, every).unref()
  return { look, stop: () => clearInterval(timer) }
}
