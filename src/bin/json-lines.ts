import type { Content, EndEvent, EngineStats, Failure, TransferEvent } from '../index.ts'
import { Unfinished } from './continuing.ts'
import { Interrupted } from './interrupt.ts'
import { LineOutput } from './line-output.ts'
import type { Reader } from './reader.ts'
import { jsonLine } from './terminal.ts'
import { VERSION } from './version.ts'

/** What a program reads with `--json`: the events of transfers between a first and a last line (SPEC §8.9). `schema/events.schema.json` says it for other languages. */

/** The first line. */
export interface BeginLine {
  readonly type: 'begin'
  readonly time: string
  /** What the lines are; another number only if what is there by now were changed. */
  readonly schema: 'sft.events/1'
  readonly command: string
  readonly version: string
}

/** A peer has said something. */
export interface MessageLine {
  readonly type: 'message'
  readonly time: string
  /** Verified name. */
  readonly peer: string
  /** As it was sent: not fit for a terminal. */
  readonly text: string
}

/** What a person would read on standard error, where these lines have its place. */
export interface NoteLine {
  readonly type: 'note'
  readonly time: string
  readonly text: string
}

/** With `--dry-run`: a thing of the directory that would be sent. */
export interface EntryLine {
  readonly type: 'entry'
  readonly time: string
  /** From the directory down. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link'
  readonly bytes: number
}

/** What would be moved. */
export interface Plan {
  readonly direction: 'sent' | 'received'
  readonly peer?: string
  readonly name?: string
  readonly content?: Content
  /** Of a file, or of the files in a directory that is here; absent where only reading tells. */
  readonly bytes?: number
  readonly entries?: number
  /** What of a directory would be left out. */
  readonly omitted?: number
  /** Where it would go here, unless that name is taken. */
  readonly path?: string
}

/** The last line, of every command that had a first one. */
export interface ResultLine {
  readonly type: 'result'
  readonly time: string
  /** What the process exits with. */
  readonly exitCode: number
  /** Why that is not 0. */
  readonly error?: Failure
  /** What to do about it, in words: the command that goes on where this one ended. */
  readonly advice?: string
  /** What the last transfer came to that ended well. */
  readonly transfer?: Omit<EndEvent, 'type' | 'time'>
  /** How many ended well, messages among them. */
  readonly transfers: number
  /** How many failed, connections that came to nothing among them. */
  readonly failed: number
  /** Plaintext bytes of those that ended well. */
  readonly bytes: number
  /** With `--dry-run`: what would have been moved. */
  readonly plan?: Plan
  /** With `--stats`. */
  readonly stats?: EngineStats
  /** Lines that nobody had read in time. */
  readonly dropped?: number
}

export type JsonLine = TransferEvent | BeginLine | MessageLine | NoteLine | EntryLine | ResultLine

/** Where else a person would read. */
const STANDARD_ERROR = 2

/** @throws SftError ERR_SFT_USAGE for a descriptor that can not be written to. */
export async function openJsonLines(descriptor: number, command: string): Promise<Reader> {
  const library = await import('../index.ts')
  const output = outputTo(descriptor, library)
  const tally = new Tally()
  let more: Pick<ResultLine, 'plan' | 'stats'> = {}
  let first = textOf({ type: 'begin', schema: 'sft.events/1', command, version: VERSION })
  // with the second: a command that refuses to write here writes nothing
  const begin = (): void => {
    if (first !== '') output.write(first)
    first = ''
  }
  const write = (line: Untimed<JsonLine>, key?: string): boolean => {
    begin()
    return output.write(textOf(line), key)
  }
  return {
    descriptor,
    note: descriptor === STANDARD_ERROR ? text => void write({ type: 'note', text }) : undefined,
    stats: stats => {
      more = { ...more, stats }
    },
    plan: plan => {
      more = { ...more, plan }
    },
    entry: ({ path, type, bytes }) => void write({ type: 'entry', path, kind: type, bytes }),
    event: event => {
      tally.count(event)
      // the newest of those that wait says it all
      write(event, event.type === 'progress' ? event.id : undefined)
    },
    message: async (text, peer) => {
      if (write({ type: 'message', peer, text })) await output.written()
      else throw new library.SftError('ERR_SFT_OUTPUT_CLOSED', 'nobody reads the messages any more')
    },
    end: (exitCode, error) => {
      begin()
      const { dropped } = output
      const how = error === undefined ? {} : failed(error, library)
      const lost = dropped > 0 && { dropped }
      return output.end(textOf({ type: 'result', exitCode, ...how, ...tally.sum, ...more, ...lost }))
    }
  }
}

function outputTo(descriptor: number, { SftError }: Library): LineOutput {
  try {
    return new LineOutput(descriptor)
  } catch (cause) {
    throw new SftError('ERR_SFT_USAGE', `descriptor ${descriptor} is not open for writing`, { cause })
  }
}

type Library = typeof import('../index.ts')
type Untimed<L> = L extends JsonLine ? Omit<L, 'time'> & { readonly time?: string } : never

function textOf(line: Untimed<JsonLine>): string {
  const { type, time = new Date().toISOString(), ...rest } = line
  return jsonLine({ type, time, ...rest })
}

function failed(error: unknown, library: Library): Pick<ResultLine, 'error' | 'advice'> {
  if (error instanceof Unfinished) return { ...failed(error.cause, library), advice: error.advice }
  if (!(error instanceof Interrupted)) return { error: library.failureOf(error) }
  const { message, exitCode } = error
  return { error: { code: 'ERR_SFT_CANCELLED', message, exitCode, retryable: false } }
}

/** What the transfers of a command came to. */
class Tally {
  #last: ResultLine['transfer']
  #transfers = 0
  #failed = 0
  #bytes = 0

  count(event: TransferEvent): void {
    if (event.type === 'error') this.#failed++
    if (event.type !== 'end') return
    const { type: _, time: __, ...transfer } = event
    this.#last = transfer
    this.#transfers++
    this.#bytes += event.bytes
  }

  get sum() {
    const counts = { transfers: this.#transfers, failed: this.#failed, bytes: this.#bytes }
    return { ...(this.#last && { transfer: this.#last }), ...counts }
  }
}
