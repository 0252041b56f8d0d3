import type { TransferEvent } from '../index.ts'
import { Moving, NOTHING, type ProgressFlags, showsProgress, type Told, withStatus, wordsOf } from './progress.ts'
import { whatIs } from './transfers.ts'

/** What commands that listen show of the transfers under way: of one its name and how far it is, of several what they are together. */

interface Seen {
  readonly title: string
  readonly moving: Moving
}

class UnderWay {
  readonly #seen = new Map<string, Seen>()

  follow(event: TransferEvent): void {
    if (event.type === 'start' && event.content !== 'message')
      this.#seen.set(event.id, { title: titleOf(event), moving: new Moving() })
    else if (event.type === 'end' || event.type === 'error') this.#seen.delete(event.id)
    else this.#seen.get(event.id)?.moving.follow(event)
  }

  /** Undefined while there is nothing to see. */
  get line(): string | undefined {
    const all = [...this.#seen.values()]
    const [first] = all
    if (!first) return undefined
    if (all.length > 1) return `${all.length} transfers: ${wordsOf(sumOf(all))}`
    const { now } = first.moving
    return now && `${first.title}: ${wordsOf(now)}`
  }
}

function titleOf({ direction, peer = 'a pipe', name }: TransferEvent & { type: 'start' }): string {
  return `${whatIs(name)} ${direction === 'sent' ? 'to' : 'from'} ${peer}`
}

/** Of how much, only where all say it. */
function sumOf(all: readonly Seen[]): Told {
  const sum = { bytes: 0, size: 0, rate: 0 }
  for (const { moving } of all) {
    const { bytes, size = Number.NaN, rate } = moving.now ?? NOTHING
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
