/** Ctrl-C and its kin, and a terminal that is closed: the first signal stops in order, a second one at once. */

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
/** ms that transfers under way get to end in order. */
export const DRAIN_MS = 30_000

type SignalName = keyof typeof NUMBERS

export class Interrupted extends Error {
  readonly signalName: SignalName
  readonly exitCode: number

  constructor(signalName: SignalName) {
    super(`interrupted by ${signalName}`)
    this.signalName = signalName
    this.exitCode = 128 + NUMBERS[signalName]
  }
}

/**
 * Runs `work` with a signal that aborts on the first SIGHUP, SIGINT or SIGTERM; what `work` then fails with is reported as the interruption.
 * The second signal ends the process at once.
 *
 * @param timeout ms that it may take
 * @throws SftError ERR_SFT_TIMEOUT after them
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, timeout?: number): Promise<T> {
  const controller = new AbortController()
  const onSignal = (name: SignalName): void => {
    if (name === 'SIGHUP') withoutTerminal()
    if (!controller.signal.aborted) controller.abort(new Interrupted(name))
    // a closed terminal says so more than once: the shell to its jobs, and the system to those in front
    else if (name !== 'SIGHUP') process.exit(128 + NUMBERS[name])
  }
  const names = Object.keys(NUMBERS) as SignalName[]
  for (const name of names) process.on(name, onSignal)
  const timer = timeout === undefined ? undefined : setTimeout(() => expire(controller, timeout), timeout)
  try {
    return await work(controller.signal)
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    clearTimeout(timer)
    for (const name of names) process.off(name, onSignal)
  }
}

/** What is said from now on reaches nobody, which is no reason not to end in order. */
function withoutTerminal(): void {
  process.stderr.on('error', () => undefined)
}

async function expire(controller: AbortController, timeout: number): Promise<void> {
  const { SftError } = await import('../index.ts')
  controller.abort(new SftError('ERR_SFT_TIMEOUT', `not done within the ${timeout / 1000} s of --timeout`))
}

/** How long transfers under way may go on: a service manager's SIGTERM lets them finish, a person's Ctrl-C or closed terminal does not wait. */
export function drainTime(reason: unknown): number {
  return reason instanceof Interrupted && reason.signalName === 'SIGTERM' ? DRAIN_MS : 0
}

/** Resolves with the interruption once a signal has come. */
export function interruption(signal: AbortSignal): Promise<Interrupted> {
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
    if (signal.aborted) resolve(signal.reason)
  })
}
