import { randomUUID } from 'node:crypto'
import type { Source } from '../streams/types.ts'
import type { Destination } from './destination.ts'
import { failureOf, type StartEvent, type Tell } from './events.ts'
import type { MeteredStage } from './meter.ts'
import type { Outgoing } from './outgoing.ts'
import type { StreamInfo } from './pipe.ts'
import type { TransferResult } from './requests.ts'
import type { Attempts } from './retry.ts'
import { costOf, type Protection } from './strict.ts'
import { TREE } from './tree/entry.ts'
import type { TreeOptions } from './tree/tree-source.ts'

/** Milliseconds between two words on the progress. */
const INTERVAL_MS = 100
/** Milliseconds after which what was moved counts little in the rate. */
const RATE_MS = 3000

export type About = Omit<StartEvent, 'type' | 'time' | 'id'>

/** What a transfer came to, as far as it is known where it ends: of a pipe, the bytes. */
export type Outcome = Pick<TransferResult, 'bytes'> &
  Partial<Pick<TransferResult, 'resumedAt' | 'kind' | 'connections' | 'tree' | 'restart' | 'renamed'>>

/**
 * Watches one transfer, with all of its attempts, and tells of it. Like a meter it stands at the ends of the pipeline; of what a sender has written it is told
 * by the session.
 */
export class Watch {
  readonly id = randomUUID()
  readonly #tell: Tell
  #about: About
  #started = false
  readonly #boundBy: () => MeteredStage | undefined
  readonly #begun = performance.now()
  #size: number | undefined
  /** Of this attempt, from the beginning of what is moved. */
  #read: number | undefined
  #position = 0
  /** The farthest of all attempts. */
  #bytes = 0
  /** Of all attempts, again what moved again. */
  #moved = 0
  #protection: Protection | undefined
  #told = { at: Number.NEGATIVE_INFINITY, moved: 0, rate: 0 }
  #timer: NodeJS.Timeout | undefined

  readonly #onProtection = (protection: Protection): void => {
    this.#protection = protection
  }

  /** @param boundBy the stage that bounds it, where that is measured */
  constructor(tell: Tell, about: About, boundBy: () => MeteredStage | undefined = () => undefined) {
    this.#tell = tell
    this.#about = about
    this.#boundBy = boundBy
  }

  /** Plaintext bytes that have moved. */
  get bytes(): number {
    return this.#bytes
  }

  /** Tells that it begins, with what is known of it by now; once, whatever is attempted again. */
  start(found: Partial<About> = {}): void {
    if (this.#started) return
    this.#started = true
    this.#about = { ...this.#about, ...found }
    this.#size = this.#about.size
    this.#tell({ type: 'start', id: this.id, ...this.#about })
  }

  /**
   * The same source; what is read of it is queued.
   *
   * @param written false where nobody says what was written, as in a pipe: what is read has moved then
   */
  outgoing<T extends Outgoing>(outgoing: T, written = true): T {
    const { name, size, kind } = outgoing.metadata
    const found = { name, size, content: kind === TREE ? ('directory' as const) : undefined }
    this.start(defined({ ...found, ...this.#about }))
    return {
      ...outgoing,
      onProtection: this.#onProtection,
      onWritten: (bytes: number) => {
        outgoing.onWritten?.(bytes)
        this.#move(bytes)
      },
      source: (signal: AbortSignal, start = 0) => {
        this.#begin(start, size)
        this.#read = written ? start : undefined
        return this.#reading(outgoing.source(signal, start))
      }
    }
  }

  /** The same destination; what it has taken has moved. */
  destination(destination: Destination): Destination {
    this.start()
    return {
      ...destination,
      onProtection: this.#onProtection,
      sink: (metadata, start = 0) => {
        const sink = destination.sink(metadata, start)
        this.#begin(start, metadata.size)
        return source => sink(this.moving(source))
      }
    }
  }

  /** What the header of a pipe says. */
  opened({ sender, metadata, protection }: StreamInfo): void {
    this.#protection = protection
    const { name, size, kind } = metadata
    this.start(defined({ peer: sender.name, name, size, content: kind === TREE ? ('directory' as const) : undefined }))
    this.#begin(0, size)
  }

  /** The same bytes; those that their consumer is done with have moved. */
  async *moving(source: Source<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      const { byteLength } = piece
      yield piece
      this.#move(byteLength)
    }
  }

  /** Retries as before; each one is told of. */
  retrying({ onRetry, ...again }: Attempts): Attempts {
    return {
      ...again,
      onRetry: (error, wait) => {
        onRetry?.(error, wait)
        this.#tell({ type: 'retry', id: this.id, wait, error: failureOf(error) })
      }
    }
  }

  /** The same directory; what it leaves out is told of. */
  tree(tree: TreeOptions | undefined): TreeOptions | undefined {
    return (
      tree && {
        ...tree,
        onOmitted: (path, why) => {
          tree.onOmitted?.(path, why)
          this.omitted(path, why)
        }
      }
    )
  }

  /** Something of the directory stays behind. */
  omitted(path: string, why: string): void {
    const { peer, name } = this.#about
    this.#tell({ type: 'omitted', id: this.id, ...defined({ peer, name }), path, why })
  }

  end({ bytes, resumedAt = 0, kind, connections = 0, tree, restart, renamed }: Outcome): void {
    this.#stop()
    if (this.#bytes < bytes || this.#told.moved < this.#moved) this.#progress({ bytes })
    const { size: _, ...about } = this.#about
    const milliseconds = Math.round(performance.now() - this.#begun)
    const how = { bytes, resumedAt, ...(kind && kind !== 'start' && { kind }), connections, ...tree, milliseconds }
    const { suite, privateOperations } = this.#cost
    const besides = defined({ suite, privateOperations, renamed, givenUp: restart?.bytes, reason: restart?.reason })
    this.#tell({ type: 'end', id: this.id, ...about, ...how, ...besides })
  }

  fail(error: unknown, signal?: AbortSignal): void {
    this.#stop()
    const { peer, name } = this.#about
    this.#tell({ type: 'error', id: this.id, ...defined({ peer, name }), error: failureOf(error, signal) })
  }

  #begin(start: number, size: number | undefined): void {
    this.#position = start
    this.#size = size ?? this.#size
    if (start > 0) this.#tell({ type: 'resumed', id: this.id, at: start })
    this.#bytes = Math.max(this.#bytes, start)
    this.#progress()
  }

  async *#reading(source: Source<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      const { byteLength } = piece
      if (this.#read === undefined) this.#move(byteLength)
      else this.#read += byteLength
      yield piece
    }
  }

  #move(bytes: number): void {
    this.#position += bytes
    this.#moved += bytes
    this.#bytes = Math.max(this.#bytes, this.#position)
    const due = this.#told.at + INTERVAL_MS - performance.now()
    if (due <= 0) this.#progress()
    else this.#timer ??= setTimeout(() => this.#progress(), due).unref()
  }

  #progress({ bytes = this.#bytes } = {}): void {
    this.#stop()
    this.#bytes = bytes
    const at = performance.now()
    this.#told = { at, moved: this.#moved, rate: this.#rate(at) }
    const boundBy = this.#boundBy()
    this.#tell({
      type: 'progress',
      id: this.id,
      bytes,
      ...(this.#read !== undefined && { queued: Math.max(this.#read, bytes) }),
      ...(this.#size !== undefined && { size: this.#size }),
      rate: Math.round(this.#told.rate),
      ...(boundBy && { boundBy }),
      ...this.#cost
    })
  }

  get #cost(): ReturnType<typeof costOf> {
    return this.#protection ? costOf(this.#protection, this.#moved) : {}
  }

  /** Of this moment: the rate told last, in the measure in which it is old, and that since then. */
  #rate(now: number): number {
    const { at, moved, rate } = this.#told
    const since = at === Number.NEGATIVE_INFINITY ? 0 : now - at
    if (since === 0) return rate
    const recent = ((this.#moved - moved) / since) * 1000
    return rate === 0 ? recent : rate + (recent - rate) * (1 - Math.exp(-since / RATE_MS))
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

/** Without what is undefined: an event has no such members. */
function defined<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never
}
