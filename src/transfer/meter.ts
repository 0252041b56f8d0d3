import { defaultInFlight } from '../streams/seal.ts'
import type { Sink, Source } from '../streams/types.ts'
import type { CipherPool } from '../workers/pool.ts'
import { type Destination, through, type Written } from './destination.ts'
import type { Outgoing } from './outgoing.ts'
import type { Answers } from './requests.ts'
import { Between, type StageStats, stagesOf, Work } from './stage-stats.ts'

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
  /** What each stage did with the time, of all transfers together. */
  readonly stages: readonly StageStats[]
}

/**
 * Says which stage bound the transfers of an engine, from what the stages themselves waited for. It stands at the ends of the pipeline and around the
 * pool; without it, nothing is measured.
 */
export class Meter {
  readonly #read = new Between()
  readonly #seal = new Work()
  readonly #sent = new Between()
  readonly #open = new Work()
  readonly #written = new Between()
  #flushed = 0
  #strict = false
  #running = 0
  #since = 0
  /** When the last thing of a transfer was seen. */
  #until = 0
  #total = 0

  /** Whether the last chunk was of the strict suite, which who listens learns from the peer. */
  get strict(): boolean {
    return this.#strict
  }

  /** The same pool; the time of its tasks counts. */
  pool(pool: CipherPool): CipherPool {
    const timed = async <T>(work: Work, run: () => Promise<T>): Promise<T> => {
      const start = performance.now()
      const task = run()
      // inline, the work is done by now; in threads it goes on, and a full window of tasks shares the time of each
      if (pool.threads === 0) work.ms += performance.now() - start
      const result = await task
      if (pool.threads > 0) work.ms += (performance.now() - start) / defaultInFlight(pool)
      return result
    }
    const seal: CipherPool['seal'] = task => {
      this.#strict = task.blocks !== undefined
      this.#seal.bytes += task.data.byteLength
      return timed(this.#seal, () => pool.seal(task)).finally(() => this.#goesOn())
    }
    const open: CipherPool['open'] = async task => {
      this.#strict = task.blocks !== undefined
      const opened = await timed(this.#open, () => pool.open(task))
      this.#open.bytes += opened?.byteLength ?? 0
      return opened
    }
    return {
      get threads() {
        return pool.threads
      },
      seal,
      open,
      unwrap: task => pool.unwrap(task),
      close: () => pool.close(),
      [Symbol.asyncDispose]: () => pool.close()
    }
  }

  /** The same source; what its consumer waits for it counts, and the transfer lasts from its first pull until the last of what is made of it is written. So does the writing. */
  outgoing<T extends Outgoing>(outgoing: T): T {
    const sent = this.#sent
    let at = 0
    return {
      ...outgoing,
      source: (signal: AbortSignal, start?: number) => {
        at = performance.now()
        return this.#pulled(outgoing.source(signal, start))
      },
      onWriting: () => {
        const now = performance.now()
        sent.pulled += now - at
        at = now
      },
      onWritten: (bytes: number) => {
        const now = performance.now()
        sent.held += now - at
        sent.bytes += bytes
        at = now
        this.#goesOn()
        outgoing.onWritten?.(bytes)
      }
    }
  }

  /** The same sealed bytes of a pipe; what their consumer does with each piece counts as its sending. */
  taken(stream: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    return passed(stream, this.#sent, () => this.#goesOn())
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
      yield* passed(source, this.#written)
    } finally {
      lastGiven.at = performance.now()
      this.#end()
    }
  }

  stats(): Stats {
    const milliseconds = this.#total + (this.#running > 0 ? performance.now() - this.#since : 0)
    const read = this.#read.pulled
    const cipher = this.#seal.ms + this.#open.ms
    const write = this.#written.held + this.#flushed
    const wire = Math.max(0, milliseconds - read - cipher - write)
    const share = (ms: number): number => (milliseconds > 0 ? ms / milliseconds : 0)
    const shares = { read: share(read), cipher: share(cipher), write: share(write), wire: share(wire) }
    const [boundBy] = (Object.keys(shares) as MeteredStage[]).toSorted((a, b) => shares[b] - shares[a])
    const out = { read: this.#read, seal: this.#seal, sent: this.#sent }
    const into = { open: this.#open, written: this.#written, flushed: this.#flushed }
    return { milliseconds, shares, boundBy: boundBy as MeteredStage, stages: stagesOf(out, into) }
  }

  async *#pulled(source: Source<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#begin()
    try {
      yield* passed(source, this.#read)
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
        this.#flushed += performance.now() - lastGiven.at
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
    if (--this.#running > 0) return
    this.#until = performance.now()
    this.#total += this.#until - this.#since
  }

  /** A source is read before what it gave is sealed and sent. */
  #goesOn(): void {
    if (this.#running > 0 || this.#until === 0) return
    const now = performance.now()
    this.#total += now - this.#until
    this.#until = now
  }
}

/** Passes pieces on, and sees who waits for whom meanwhile. */
async function* passed(source: Source<Uint8Array>, between: Between, onTaken?: () => void): AsyncGenerator<Uint8Array> {
  let at = performance.now()
  const since = (): number => {
    const before = at
    at = performance.now()
    return at - before
  }
  for await (const piece of source) {
    between.pulled += since()
    between.bytes += piece.byteLength
    yield piece
    between.held += since()
    onTaken?.()
  }
  between.pulled += since()
}
