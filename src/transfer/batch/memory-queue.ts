import { randomBytes } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import type { KeyedJob } from './job.ts'
import { MAX_JOBS } from './list.ts'
import type { JobOutcome, JobQueue } from './queue.ts'

/** Jobs and how they stand, in the memory of one process: all of a batch without a spool, and what a spool keeps on disk. */

interface Entry {
  readonly job: KeyedJob
  /** It waits, or somebody works at it. */
  active: boolean
  /** How it ended the last time. */
  outcome?: JobOutcome | undefined
}

/** What becomes of jobs that are added. */
interface Added {
  /** They are to be done from now on. */
  readonly waiting: readonly KeyedJob[]
  /** Keys of those that nobody knew. */
  readonly fresh: ReadonlySet<string>
  /** How those ended that are done. */
  readonly ended: ReadonlyMap<string, JobOutcome>
}

export class MemoryQueue implements JobQueue {
  readonly id: string
  readonly #entries = new Map<string, Entry>()
  /** Keys, in the order in which they are to be done. */
  readonly #waiting = new Set<string>()

  constructor(id = randomBytes(16).toString('hex')) {
    this.id = id
  }

  get size(): number {
    return this.#entries.size
  }

  async add(jobs: readonly KeyedJob[]): Promise<ReadonlyMap<string, JobOutcome>> {
    const { waiting, ended } = this.enter(jobs)
    for (const { key } of waiting) this.#waiting.add(key)
    return ended
  }

  async claim(): Promise<KeyedJob | undefined> {
    for (const key of this.#waiting) {
      this.#waiting.delete(key)
      return this.#entries.get(key)?.job
    }
    return undefined
  }

  async done(key: string, outcome: JobOutcome): Promise<void> {
    this.end(key, outcome)
  }

  async fail(key: string, outcome: JobOutcome): Promise<void> {
    this.end(key, outcome)
  }

  async release(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (!entry) return
    entry.active = true
    this.#waiting.add(key)
  }

  /** Knows jobs from now on; those that are to be done wait once they are released. @throws as `add` */
  enter(jobs: readonly KeyedJob[]): Added {
    const each = this.#distinct(jobs)
    const fresh = new Set(each.map(({ key }) => key).filter(key => !this.#entries.has(key)))
    if (this.#entries.size + fresh.size > MAX_JOBS)
      throw new SftError('ERR_SFT_LIMIT', `a queue has at most ${MAX_JOBS} jobs`, { hint: 'begin another one' })
    const ended = new Map<string, JobOutcome>()
    const waiting: KeyedJob[] = []
    for (const job of each) {
      const { outcome, active = false } = this.#entries.get(job.key) ?? {}
      if (outcome?.status === 'done') ended.set(job.key, outcome)
      else if (!active) waiting.push(job)
    }
    for (const job of waiting) this.#entries.set(job.key, { job, active: true })
    return { waiting, fresh, ended }
  }

  /** Knows a job that neither waits nor has ended. */
  load(job: KeyedJob): void {
    this.#entries.set(job.key, { job, active: false })
  }

  find(key: string): KeyedJob | undefined {
    return this.#entries.get(key)?.job
  }

  /** False for a key that it does not know. */
  end(key: string, outcome: JobOutcome): boolean {
    const entry = this.#entries.get(key)
    if (!entry) return false
    Object.assign(entry, { outcome, active: false })
    return true
  }

  /** All jobs, in the order in which they came. */
  entries(): IterableIterator<Readonly<Entry>> {
    return this.#entries.values()
  }

  /** Each key once. */
  #distinct(jobs: readonly KeyedJob[]): readonly KeyedJob[] {
    const named = new Map<string, KeyedJob>()
    for (const job of jobs) {
      requireSame(this.#entries.get(job.key)?.job ?? named.get(job.key), job)
      named.set(job.key, job)
    }
    return [...named.values()]
  }
}

function requireSame(known: KeyedJob | undefined, job: KeyedJob): void {
  if (known && JSON.stringify(known) !== JSON.stringify(job))
    throw new SftError('ERR_SFT_USAGE', `the key ${job.key} is of another job in this queue`, {
      hint: 'another key, or another spool'
    })
}
