import { defaultInFlight } from '../streams/seal.ts'
import type { Sink, Source } from '../streams/types.ts'
import type { CipherPool } from '../workers/pool.ts'
import { type Destination, through, type Written } from './destination.ts'
import type { Answers } from './requests.ts'
import type { Outgoing } from './session-streams.ts'

type Accept = NonNullable<Answers['accept']>

/** What a transfer spends its time on: its source, sealing or opening, its destination, and the wire, which is what is left. */
export type MeteredStage = 'read' | 'cipher' | 'write' | 'wire'

export interface Stats {
  /** ms in which at least one transfer was under way. */
  readonly milliseconds: number
  /** Share of that time by stage, 0 to 1. Reads ahead of a waiting wire count twice, so that their sum may pass 1. */
  readonly shares: Readonly<Record<MeteredStage, number>>
  /** The stage with the largest share. */
  readonly boundBy: MeteredStage
}

/**
 * Says which stage bound the transfers of an engine, from what the stages themselves waited for. It stands at the ends of the pipeline and around the
 * pool; without it, nothing is measured.
 */
export class Meter {
  readonly #spent: Record<Exclude<MeteredStage, 'wire'>, number> = { read: 0, cipher: 0, write: 0 }
  #running = 0
  #since = 0
  #total = 0

  /** The same pool; the time of its tasks counts. */
  pool(pool: CipherPool): CipherPool {
    const timed = async <T>(run: () => Promise<T>): Promise<T> => {
      const start = performance.now()
      const task = run()
      // inline, the work is done by now; in threads it goes on, and a full window of tasks shares the time of each
      if (pool.threads === 0) this.#spent.cipher += performance.now() - start
      const result = await task
      if (pool.threads > 0) this.#spent.cipher += (performance.now() - start) / defaultInFlight(pool)
      return result
    }
    return {
      get threads() {
        return pool.threads
      },
      seal: task => timed(() => pool.seal(task)),
      open: task => timed(() => pool.open(task)),
      unwrap: task => pool.unwrap(task),
      close: () => pool.close(),
      [Symbol.asyncDispose]: () => pool.close()
    }
  }

  /** The same source; what its consumer waits for it counts, and the transfer lasts from its first pull to its end. */
  outgoing<T extends Outgoing>(outgoing: T): T {
    return {
      ...outgoing,
      source: (signal: AbortSignal, start?: number) => this.#pulled(outgoing.source(signal, start))
    }
  }

  /** The same destination; what it keeps its source waiting counts, to the end of its last flush. */
  destination(destination: Destination): Destination {
    return through(destination, sink => this.#filled(sink))
  }

  /** Accepts as before; the destinations are metered. */
  accepting(accept: Accept): Accept {
    return async (...offer) => this.destination(await accept(...offer))
  }

  /** The same bytes; what their consumer does with each piece counts as its writing. */
  async *given(source: Source<Uint8Array>, lastGiven: { at: number } = { at: 0 }): AsyncGenerator<Uint8Array> {
    this.#begin()
    try {
      for await (const piece of source) {
        const start = performance.now()
        yield piece
        this.#spent.write += performance.now() - start
      }
    } finally {
      lastGiven.at = performance.now()
      this.#end()
    }
  }

  stats(): Stats {
    const milliseconds = this.#total + (this.#running > 0 ? performance.now() - this.#since : 0)
    const { read, cipher, write } = this.#spent
    const wire = Math.max(0, milliseconds - read - cipher - write)
    const share = (ms: number): number => (milliseconds > 0 ? ms / milliseconds : 0)
    const shares = { read: share(read), cipher: share(cipher), write: share(write), wire: share(wire) }
    const [boundBy] = (Object.keys(shares) as MeteredStage[]).toSorted((a, b) => shares[b] - shares[a])
    return { milliseconds, shares, boundBy: boundBy as MeteredStage }
  }

  async *#pulled(source: Source<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#begin()
    let start = performance.now()
    try {
      for await (const piece of source) {
        this.#spent.read += performance.now() - start
        yield piece
        start = performance.now()
      }
    } finally {
      this.#end()
    }
  }

  #filled(sink: Sink<Uint8Array, Written>): Sink<Uint8Array, Written> {
    return async source => {
      this.#begin()
      const lastGiven = { at: performance.now() }
      try {
        const result = await sink(this.given(source, lastGiven))
        this.#spent.write += performance.now() - lastGiven.at
        return result
      } finally {
        this.#end()
      }
    }
  }

  #begin(): void {
    if (this.#running++ === 0) this.#since = performance.now()
  }

  #end(): void {
    if (--this.#running === 0) this.#total += performance.now() - this.#since
  }
}
