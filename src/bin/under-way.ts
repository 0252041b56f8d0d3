import type { ProgressEvent, TransferEvent } from '../index.ts'
import { type ProgressFlags, STALLED_MS, showsProgress, type Told, withStatus, wordsOf } from './progress.ts'

/** What commands that listen show of the transfers under way: of one its name and how far it is, of several what they are together. */

interface Seen {
  readonly title: string
  last?: ProgressEvent
  at: number
}

class UnderWay {
  readonly #seen = new Map<string, Seen>()

  follow(event: TransferEvent): void {
    const at = performance.now()
    if (event.type === 'start' && event.content !== 'message') this.#seen.set(event.id, { title: titleOf(event), at })
    else if (event.type === 'end' || event.type === 'error') this.#seen.delete(event.id)
    else if (event.type === 'progress') this.#progress(event, at)
  }

  /** Undefined while there is nothing to see. */
  get line(): string | undefined {
    const all = [...this.#seen.values()]
    const [first] = all
    if (!first) return undefined
    if (all.length > 1) return `${all.length} transfers: ${wordsOf(sumOf(all))}`
    return first.last && `${first.title}: ${wordsOf(told(first))}`
  }

  #progress(event: ProgressEvent, at: number): void {
    const seen = this.#seen.get(event.id)
    if (seen) Object.assign(seen, { last: event, at })
  }
}

function titleOf({ direction, peer = 'a pipe', name = 'a stream' }: TransferEvent & { type: 'start' }): string {
  return `${name} ${direction === 'sent' ? 'to' : 'from'} ${peer}`
}

/** What has not moved for a while moves no more. */
function told({ last, at }: Seen): Told {
  const { bytes = 0, size, rate = 0, boundBy } = last ?? {}
  const moves = performance.now() - at <= STALLED_MS
  return { bytes, size, rate: moves ? rate : 0, ...(moves && { boundBy }) }
}

/** Of how much, only where all say it. */
function sumOf(all: readonly Seen[]): Told {
  const sum = { bytes: 0, size: 0, rate: 0 }
  for (const each of all) {
    const { bytes, size = Number.NaN, rate } = told(each)
    sum.bytes += bytes
    sum.size += size
    sum.rate += rate
  }
  return Number.isNaN(sum.size) ? { bytes: sum.bytes, rate: sum.rate } : sum
}

/** Runs a command that listens, and shows what is under way: on a terminal all the time, to who asks by SIGUSR1 in a line that stays. */
export async function withUnderWay<T>(
  flags: ProgressFlags,
  run: (follow: (event: TransferEvent) => void) => Promise<T>
): Promise<T> {
  const underWay = new UnderWay()
  const status = { bar: () => underWay.line, line: () => underWay.line ?? 'nothing is under way' }
  return await withStatus(showsProgress(flags), status, () => run(event => underWay.follow(event)))
}
