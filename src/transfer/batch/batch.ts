import { createHash } from 'node:crypto'
import { invariant, SftError } from '../../streams/errors.ts'
import type { Engine } from '../engine.ts'
import type { CallOptions, GetOptions } from '../engine-options.ts'
import { failureOf, type TransferEvent } from '../events.ts'
import type { TransferResult } from '../requests.ts'
import { retrying } from '../retry.ts'
import { Addresses, type Locate } from './addresses.ts'
import { type Job, type KeyedJob, keyedJob } from './job.ts'
import { MemoryQueue } from './memory-queue.ts'
import type { JobDone, JobOutcome, JobQueue } from './queue.ts'
import { Spool, type SpoolOptions } from './spool.ts'

/** Sends and gets that are all done in the end, each once, however often the process dies on the way (SPEC §8.10). */

export interface BatchOptions extends CallOptions, SpoolOptions {
  /** Directory in which it is written what is to be done, and what is; one process at a time. Default: it is known in memory only. */
  spool?: string | undefined
  /** In the place of a spool; its owner closes it. */
  queue?: JobQueue | undefined
  /** Jobs at once, 1 to 64; default 4. */
  concurrency?: number | undefined
  /** Attempts more of a job after a failure that may pass; default 5. */
  retry?: number | undefined
  /** Says where a peer is that was named without an address. Default: such a job is refused. */
  locate?: Locate | undefined
  /** Told before a job is attempted again: why, and in how many ms. */
  onRetry?: ((job: KeyedJob, error: SftError, wait: number) => void) | undefined
  /** Told of the transfers, as by `send` and `get`; each attempt is one. */
  onEvent?: ((event: TransferEvent, job: KeyedJob) => void) | undefined
}

/** What became of a job. */
export type JobResult = JobOutcome & {
  readonly job: KeyedJob
  /** It was done before it was added. */
  readonly before?: true
}

const DEFAULT_CONCURRENCY = 4
const MAX_CONCURRENCY = 64
const DEFAULT_RETRY = 5
const LABEL = 'sft/1 job\0'

/** @throws SftError ERR_SFT_USAGE, and as `Spool.open`. */
export async function openBatch(engine: Engine, options: BatchOptions): Promise<Batch> {
  const { spool, queue, concurrency = DEFAULT_CONCURRENCY } = options
  if (spool !== undefined && queue) throw new SftError('ERR_SFT_USAGE', 'a batch has one queue: spool or queue')
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY)
    throw new SftError('ERR_SFT_USAGE', `1 to ${MAX_CONCURRENCY} jobs at once`)
  const own = spool === undefined ? new MemoryQueue() : await Spool.open(spool, options)
  return new Batch(engine, queue ?? own, options)
}

/** Its loop yields what becomes of each job once it is written down. Memory: `concurrency` transfers, and what the queue has. */
export class Batch implements AsyncDisposable {
  readonly #engine: Engine
  readonly #queue: JobQueue & Partial<AsyncDisposable>
  readonly #options: BatchOptions
  readonly #addresses: Addresses
  readonly #closed = new AbortController()
  readonly #signal: AbortSignal
  readonly #running = new Set<Promise<void>>()
  /** What the loop has not told yet. */
  readonly #results: JobResult[] = []
  /** Why it can not go on. */
  #fault: { readonly error: unknown } | undefined
  /** How often something was added; and whether the queue had nothing since. */
  #added = 0
  #idle = false
  #news = Promise.withResolvers<void>()

  constructor(engine: Engine, queue: JobQueue & Partial<AsyncDisposable>, options: BatchOptions) {
    this.#engine = engine
    this.#queue = queue
    this.#options = options
    this.#addresses = new Addresses(options.locate)
    const signals = [this.#closed.signal, engine.signal, ...(options.signal ? [options.signal] : [])]
    this.#signal = AbortSignal.any(signals)
  }

  /**
   * Adds jobs, before or while the loop runs. One that is done already is told as done, and not done again; one that has failed is attempted again.
   *
   * @throws SftError ERR_SFT_USAGE for what is no job, or has the key of another one: then none of them is added
   */
  async add(jobs: Iterable<Job>): Promise<readonly KeyedJob[]> {
    const keyed = Array.from(jobs, keyedJob)
    for (const job of keyed) this.#addresses.requireFindable(job)
    const ended = await this.#queue.add(keyed)
    const done = new Map(keyed.map(job => [job.key, job]))
    for (const [key, outcome] of ended) {
      const job = done.get(key)
      if (job) this.#results.push({ job, ...outcome, before: true })
    }
    this.#added++
    this.#idle = false
    this.#tell()
    return keyed
  }

  /** Does what waits until nothing does; one loop at a time. Who leaves it, or aborts, stops what is under way, which waits again. */
  async *[Symbol.asyncIterator](): AsyncGenerator<JobResult, void, undefined> {
    const { concurrency = DEFAULT_CONCURRENCY } = this.#options
    const left = new AbortController()
    const signal = AbortSignal.any([this.#signal, left.signal])
    this.#idle = false
    try {
      for (;;) {
        const news = this.#news.promise
        for (let result = this.#results.shift(); result; result = this.#results.shift()) yield result
        this.#signal.throwIfAborted()
        if (this.#fault) throw this.#fault.error
        while (!this.#idle && this.#running.size < concurrency) this.#begin(signal)
        if (this.#running.size === 0 && this.#results.length === 0) return
        await news
      }
    } finally {
      left.abort(new SftError('ERR_SFT_CANCELLED', 'the batch was stopped'))
      await Promise.all(this.#running)
    }
  }

  /** Stops what is under way, and lets go of the spool. */
  async close(): Promise<void> {
    this.#closed.abort(new SftError('ERR_SFT_CANCELLED', 'the batch is closed'))
    await Promise.all(this.#running)
    if (!this.#options.queue) await this.#queue[Symbol.asyncDispose]?.()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Has a job done that waits, if one does. It never rejects. */
  #begin(signal: AbortSignal): void {
    const added = this.#added
    const running = this.#next(signal)
      .then(result => {
        if (result) this.#results.push(result)
        this.#idle = result === undefined && added === this.#added
      })
      .catch(error => {
        this.#fault ??= { error }
      })
      .finally(() => {
        this.#running.delete(running)
        this.#tell()
      })
    this.#running.add(running)
  }

  /** Wakes the loop. */
  #tell(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }

  async #next(signal: AbortSignal): Promise<JobResult | undefined> {
    const job = await this.#queue.claim(signal)
    return job && (await this.#run(job, signal))
  }

  /** One job to its end; undefined when it waits again. */
  async #run(job: KeyedJob, signal: AbortSignal): Promise<JobResult | undefined> {
    const { retry = DEFAULT_RETRY, onRetry } = this.#options
    const again = { retry, onRetry: (error: SftError, wait: number) => onRetry?.(job, error, wait) }
    let attempts = 0
    try {
      return { job, ...(await retrying(again, signal, () => this.#attempt(job, ++attempts, signal))) }
    } catch (error) {
      if (this.#fault) throw error
      if (signal.aborted) return void (await this.#queue.release(job.key))
      const outcome = { status: 'failed', attempts, time: now(), error: failureOf(error) } as const
      await this.#queue.fail(job.key, outcome)
      return { job, ...outcome }
    }
  }

  /** What is noted is done, however its session ends. */
  async #attempt(job: KeyedJob, attempts: number, signal: AbortSignal): Promise<JobDone> {
    const noted: { done?: JobDone } = {}
    const note = async (result: TransferResult): Promise<void> => {
      const done = doneAs(result, attempts)
      await this.#queue.done(job.key, done).catch(error => {
        this.#fault ??= { error }
        throw error
      })
      noted.done = done
    }
    try {
      await this.#move(job, { job: { key: jobKey(this.#queue.id, job), note }, signal })
    } catch (error) {
      this.#addresses.forget(job)
      if (!noted.done) throw error
    }
    invariant(noted.done, 'what is done is noted')
    return noted.done
  }

  async #move(job: KeyedJob, once: Pick<GetOptions, 'job' | 'signal'>): Promise<TransferResult> {
    const { recursive, exclude, include, streams } = job
    const { onEvent } = this.#options
    const told = onEvent && ((event: TransferEvent) => onEvent(event, job))
    const options = { ...once, streams, tree: recursive ? { exclude, include } : undefined, onEvent: told }
    const address = await this.#addresses.of(job)
    if ('send' in job) return await this.#engine.send(job.send, address, { ...options, name: job.name })
    const existing = job.force ? 'replace' : job.rename ? 'rename' : 'refuse'
    return await this.#engine.get(address, job.get, job.output as string, { ...options, existing })
  }
}

/** What its peer knows it by (M82). */
function jobKey(queue: string, { key }: KeyedJob): Uint8Array {
  return createHash('sha256').update(`${LABEL}${queue}\0${key}`).digest()
}

function doneAs({ bytes, resumedAt, tree, renamed }: TransferResult, attempts: number): JobDone {
  const { omitted = 0 } = tree ?? {}
  const rest = { ...(omitted > 0 && { omitted }), ...(renamed !== undefined && { renamed }) }
  return { status: 'done', attempts, time: now(), bytes, resumedAt, ...rest }
}

function now(): string {
  return new Date().toISOString()
}
