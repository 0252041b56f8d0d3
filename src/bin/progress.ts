import type { Command } from 'commander'
import type { EventOptions, ProgressEvent, TransferEvent } from '../index.ts'
import { fitted, joined, type Phrase } from './fitted.ts'
import { formatBytes } from './options.ts'
import { reader } from './reader.ts'
import { PLAIN_STATUS, type StatusLine } from './status-line.ts'
import { say } from './terminal.ts'

/** How far a transfer is: a line that a terminal sees all the time, and everybody who asks by SIGUSR1. */

export interface ProgressFlags {
  quiet?: boolean
}

export function withProgress(command: Command): Command {
  return command.option('-q, --quiet', 'no progress on the terminal, and no word of what went well')
}

/** ms between two looks at how far it is; what is done before the first is not worth a line. */
const REDRAW_MS = 250
/** ms without a word after which nothing moves. */
const STALLED_MS = 2000
const BAR = 10
const DEFAULT_COLUMNS = 80

/** A person who wants to see something move, and a terminal that can show it; a program has numbers. */
export function showsProgress({ quiet }: ProgressFlags): boolean {
  const { CI, TERM } = process.env
  return !quiet && !reader() && process.stderr.isTTY === true && !CI && TERM !== 'dumb'
}

/** What is shown of something under way. */
interface Status {
  /** For the line that is written again and again; undefined while there is nothing to see. */
  readonly bar: () => readonly Phrase[] | undefined
  /** For who asks. */
  readonly line: () => string
}

/**
 * Runs something, and tells meanwhile how far it is: on a terminal with a line that is gone at the end, on SIGUSR1 with a line that stays.
 *
 * @param shown whether there is such a terminal
 * @param status the line
 */
export async function withStatus<T>(
  shown: boolean,
  { bar, line }: Status,
  run: () => Promise<T>,
  status: StatusLine = PLAIN_STATUS
): Promise<T> {
  const draw = (): void => {
    const phrases = bar()
    if (phrases === undefined) status.clear()
    else status.draw(fitted(phrases, columns() - 1))
  }
  const answer = (): void => say(line())
  const timer = shown ? setInterval(draw, REDRAW_MS) : undefined
  // Node would open its debugger to whoever is on this machine
  process.on('SIGUSR1', answer)
  try {
    return await run()
  } finally {
    process.off('SIGUSR1', answer)
    clearInterval(timer)
    status.clear()
  }
}

/** Runs one transfer so. */
export async function withProgressOf<T>(
  shown: boolean,
  run: (told: EventOptions) => Promise<T>,
  status?: StatusLine
): Promise<T> {
  const position = new Position()
  const bar = (): readonly Phrase[] | undefined => position.now && barOf(position.now)
  const onEvent = (event: TransferEvent): void => {
    position.follow(event)
    reader()?.event(event)
  }
  return await withStatus(shown, { bar, line: () => position.line }, () => run({ onEvent }), status)
}

/** The same for what has no events: whoever runs it says how many bytes have come, of how many if that is known. */
export async function withCounted<T>(
  shown: boolean,
  { name, size }: { name: string; size?: number | undefined },
  run: (count: (bytes: number) => void) => Promise<T>
): Promise<T> {
  const start = performance.now()
  let bytes = 0
  const now = () => ({ bytes, size, rate: (bytes / Math.max(1, performance.now() - start)) * 1000 })
  const status = { bar: () => (bytes > 0 ? barOf(now()) : undefined), line: () => `${name}: ${wordsOf(now())}` }
  return await withStatus(shown, status, () =>
    run(more => {
      bytes += more
    })
  )
}

/** Of a transfer that has said nothing yet. */
export const NOTHING: Told = { bytes: 0, rate: 0 }

/** How far a transfer is, as of its last word. */
export class Moving {
  #last: ProgressEvent | undefined
  #at = 0

  follow(event: TransferEvent): void {
    if (event.type !== 'progress') return
    this.#last = event
    this.#at = performance.now()
  }

  /** Undefined before anything is known; what bounded it when it still moved says nothing of a standstill. */
  get now(): Told | undefined {
    if (!this.#last || performance.now() - this.#at <= STALLED_MS) return this.#last
    const { boundBy: _, ...last } = this.#last
    return { ...last, rate: 0 }
  }
}

/** Of one transfer, with its name. */
class Position extends Moving {
  #name = 'a stream'

  override follow(event: TransferEvent): void {
    if (event.type === 'start') this.#name = event.name ?? this.#name
    super.follow(event)
  }

  get line(): string {
    const { now } = this
    return now ? `${this.#name}: ${wordsOf(now)}` : 'nothing has moved yet'
  }
}

export type Told = Pick<ProgressEvent, 'bytes' | 'rate'> & {
  size?: number | undefined
  boundBy?: ProgressEvent['boundBy'] | undefined
  privateOperations?: number | undefined
}

/** `12.0 MiB of 24.0 MiB, 50 %, 8.1 MiB/s, 0:02 left, 66,227 RSA operations, bound by wire`, as far as it is known. */
export function wordsOf(told: Told): string {
  return joined(phrasesOf(told))
}

/** The same as phrases: a narrow terminal has to do without the last of them. */
export function phrasesOf({ bytes, size, rate, boundBy, privateOperations }: Told): Phrase[] {
  const phrases: Phrase[] = [{ text: formatBytes(bytes), rank: 0 }]
  if (size !== undefined) phrases.push({ text: `of ${formatBytes(size)}`, rank: 2, before: ' ' })
  if (size) phrases.push({ text: `${shareOf(bytes, size)} %`, rank: 1 })
  phrases.push({ text: `${formatBytes(rate)}/s`, rank: 3 })
  if (size !== undefined && size > bytes && rate > 0)
    phrases.push({ text: `${clock((size - bytes) / rate)} left`, rank: 4 })
  if (privateOperations !== undefined) phrases.push({ text: operations(privateOperations), rank: 5 })
  if (boundBy) phrases.push({ text: `bound by ${boundBy}`, rank: 7 })
  return phrases
}

/** What the strict suite costs its receiver. */
export function operations(count = 0): string {
  return `${count.toLocaleString('en-US')} RSA operation${count === 1 ? '' : 's'}`
}

/** With a picture of the share, which says nothing that the words do not. */
export function barOf(told: Told): Phrase[] {
  const { bytes, size } = told
  const [first, ...rest] = phrasesOf(told)
  if (!size || !first) return phrasesOf(told)
  const full = Math.floor((Math.min(bytes, size) / size) * BAR)
  return [{ text: `[${'#'.repeat(full)}${'-'.repeat(BAR - full)}]`, rank: 6 }, { ...first, before: ' ' }, ...rest]
}

/** Never 100 before it is all there. */
function shareOf(bytes: number, size: number): number {
  return Math.min(100, Math.floor((bytes / size) * 100))
}

/** `0:07`, `12:30`, `3:05:00`. */
function clock(seconds: number): string {
  const whole = Math.ceil(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const shown = parts[0] === 0 ? parts.slice(1) : parts
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}

function columns(): number {
  const told = Number(process.env.COLUMNS)
  return told > 0 ? told : process.stderr.columns || DEFAULT_COLUMNS
}
