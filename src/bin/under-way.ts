import type { TransferEvent } from '../index.ts'
import { joined, type Phrase } from './fitted.ts'
import { Moving, NOTHING, type ProgressFlags, phrasesOf, showsProgress, type Told, withStatus } from './progress.ts'
import { whatIs } from './transfers.ts'

/** What commands that listen show of the transfers under way: of one its name and how far it is, of several what they are together. */

/** Characters of a title beside which the narrowest terminal has room for figures. */
const TITLE = 24

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

  /** Undefined while there is nothing to see. @param most characters of a title */
  phrases(most?: number): Phrase[] | undefined {
    const all = [...this.#seen.values()]
    const [first] = all
    if (!first) return undefined
    if (all.length > 1) return titled(`${all.length} transfers`, sumOf(all))
    const { now } = first.moving
    return now && titled(shortened(first.title, most), now)
  }
}

function titled(text: string, told: Told): Phrase[] {
  const [first, ...rest] = phrasesOf(told)
  return [{ text, rank: 0 }, ...(first ? [{ ...first, before: ': ' }] : []), ...rest]
}

function shortened(text: string, most = Number.POSITIVE_INFINITY): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
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
  const line = (): string => joined(underWay.phrases() ?? [{ text: 'nothing is under way', rank: 0 }])
  const status = { bar: () => underWay.phrases(TITLE), line }
  return await withStatus(showsProgress(flags), status, () => run(event => underWay.follow(event)))
}
