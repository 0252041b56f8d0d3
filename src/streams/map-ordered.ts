import { iterate } from './iterate.ts'
import type { Source, Stage } from './types.ts'

type Settled<T> = { ok: true; value: T } | { ok: false; error: unknown }

/**
 * The ordered window: runs up to `limit` tasks at once (a function is asked before every pull, so that it can follow a pool), yields their results in the order of the source. It is the only
 * buffer of a pipeline. At most `limit` items are pulled ahead of a consumer; a result is passed on as soon as it is the
 * oldest, even while the source is idle. An error of the source or of a task is raised after the results before it; then, as on early return, tasks under
 * way are awaited, their results given to `discard`, and the source is closed before the call settles.
 */
export function mapOrdered<In, Out>(
  limit: number | (() => number),
  run: (item: In) => Promise<Out>,
  discard: (result: Out) => void = () => {}
): Stage<In, Out> {
  return async function* (source) {
    const window = new Window(source, limit, run)
    try {
      for (let next = await window.next(); next; next = await window.next()) yield unwrap(next)
    } finally {
      await window.close(discard)
    }
  }
}

class Window<In, Out> {
  readonly #input: AsyncIterator<In> | Iterator<In>
  readonly #limit: () => number
  readonly #run: (item: In) => Promise<Out>
  readonly #results: Promise<Settled<Out>>[] = []
  #pull: Promise<Settled<IteratorResult<In, unknown>>> | undefined
  #ended = false

  constructor(source: Source<In>, limit: number | (() => number), run: (item: In) => Promise<Out>) {
    this.#input = iterate(source)
    this.#limit = typeof limit === 'number' ? () => limit : limit
    this.#run = run
  }

  /** The oldest result once it is there; pulls the source as far as the limit lets it meanwhile. */
  async next(): Promise<Settled<Out> | undefined> {
    for (;;) {
      if (!this.#ended && this.#results.length < this.#limit())
        this.#pull ??= settle(Promise.resolve(this.#input.next()))
      const [oldest] = this.#results
      if (oldest && (!this.#pull || (await firstOf(oldest, this.#pull)) === 'oldest')) {
        this.#results.shift()
        return oldest
      }
      if (!this.#pull) return undefined
      this.#admit(await this.#pull)
    }
  }

  /** Moves one item from the source into the window; an error of the source takes its place in the order. */
  #admit(pulled: Settled<IteratorResult<In, unknown>>): void {
    this.#pull = undefined
    this.#ended = !pulled.ok || pulled.value.done === true
    if (!pulled.ok) this.#results.push(Promise.resolve(pulled))
    else if (!pulled.value.done) this.#results.push(settle(this.#run(pulled.value.value)))
  }

  async close(discard: (result: Out) => void): Promise<void> {
    for (const result of await Promise.all(this.#results)) if (result.ok) discard(result.value)
    if (!this.#ended) await this.#input.return?.()
  }
}

/** Which settles first; the oldest result when both are ready, so that nothing finished waits for the source. */
function firstOf(oldest: Promise<unknown>, pull: Promise<unknown>): Promise<'oldest' | 'pull'> {
  return Promise.race([oldest.then(() => 'oldest' as const), pull.then(() => 'pull' as const)])
}

function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    value => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, error })
  )
}

function unwrap<T>(settled: Settled<T>): T {
  if (settled.ok) return settled.value
  throw settled.error
}
