import type { JobResult, TransferEvent } from '../index.ts'
import { joined, type Phrase } from './fitted.ts'
import { formatBytes } from './options.ts'
import { Moving, NOTHING } from './progress.ts'

/** How far a batch is. */

export class Tally {
  readonly #jobs: number
  /** Transfers under way, by their ids. */
  readonly #moving = new Map<string, Moving>()
  done = 0
  /** Of these, by an earlier run. */
  before = 0
  failed = 0
  /** Directories of which something was left out. */
  partial = 0
  #bytes = 0

  constructor(jobs: number) {
    this.#jobs = jobs
  }

  /** Jobs that have not ended. */
  get left(): number {
    return this.#jobs - this.done - this.failed
  }

  follow(event: TransferEvent): void {
    const { type, id } = event
    if (type === 'start') this.#moving.set(id, new Moving())
    this.#moving.get(id)?.follow(event)
    if (type === 'end' || type === 'error') this.#moving.delete(id)
  }

  add(result: JobResult): void {
    this[result.status]++
    if (result.before) this.before++
    if (result.status === 'failed') return
    if (result.omitted) this.partial++
    if (!result.before) this.#bytes += result.bytes - result.resumedAt
  }

  /** `3 of 10 done (1 before), 1 failed, 4 under way, 12.0 MiB, 8.1 MiB/s`. */
  get line(): string {
    return joined(this.phrases)
  }

  /** The same, for a terminal that may be narrow. */
  get phrases(): Phrase[] {
    const moving = Array.from(this.#moving.values(), ({ now = NOTHING }) => now)
    const bytes = moving.reduce((sum, each) => sum + each.bytes, this.#bytes)
    const rate = moving.reduce((sum, each) => sum + each.rate, 0)
    return [
      { text: `${this.done} of ${this.#jobs} done${this.#earlier}`, rank: 0 },
      { text: `${this.failed} failed`, rank: 1 },
      { text: `${moving.length} under way`, rank: 4 },
      { text: formatBytes(bytes), rank: 3 },
      { text: `${formatBytes(rate)}/s`, rank: 2 }
    ]
  }

  /** `9 done (1 before), 1 failed, 24.0 MiB`. */
  get end(): string {
    return `${this.done} done${this.#earlier}, ${this.failed} failed, ${formatBytes(this.#bytes)}`
  }

  get #earlier(): string {
    return this.before > 0 ? ` (${this.before} before)` : ''
  }
}
