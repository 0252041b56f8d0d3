import { atMost } from './at-most.ts'

/** ms that a source gets to let go of its input after a failure. */
const CLOSE_GRACE_MS = 1000

/**
 * Works while the peer has nothing to say: of what it answers only a refusal, or its end, is news. It ends the work, as a failure of its own does.
 *
 * @param answer what the peer says next
 * @param giveUp done first then
 */
export async function unlessRefused<T>(
  answer: Promise<unknown>,
  work: (signal: AbortSignal) => Promise<T>,
  giveUp: (error: unknown) => Promise<void> = async () => {}
): Promise<T> {
  const stop = new AbortController()
  const working = work(stop.signal)
  try {
    return await Promise.race([working, raised(answer)])
  } catch (error) {
    await giveUp(error)
    stop.abort(error)
    await atMost(
      CLOSE_GRACE_MS,
      working.catch(() => undefined)
    )
    throw error
  }
}

/** Rejects when `answer` does, and never resolves. */
function raised(answer: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    answer.catch(reject)
  })
}
