import { iterate } from './iterate.ts'
import type { Source } from './types.ts'

/** Stands for a pause of a source. */
export const IDLE = Symbol('idle')

/** Passes items on, and `IDLE` once whenever the source has kept its consumer waiting for `idle` milliseconds. One timer serves all of them. */
export async function* markIdle<T>(source: Source<T>, idle: number): AsyncGenerator<T | typeof IDLE, void, undefined> {
  const items = iterate(source)
  let fire = (): void => {}
  const timer = setTimeout(() => fire(), idle)
  let ended = false
  try {
    for (;;) {
      const next = Promise.resolve(items.next())
      const slow = new Promise<typeof IDLE>(resolve => {
        fire = () => resolve(IDLE)
      })
      timer.refresh()
      if ((await Promise.race([next, slow])) === IDLE) yield IDLE
      const item = await next
      if (item.done) {
        ended = true
        return
      }
      yield item.value
    }
  } catch (error) {
    ended = true
    throw error
  } finally {
    clearTimeout(timer)
    if (!ended) await items.return?.()
  }
}
