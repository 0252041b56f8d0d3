import { invariant, SftError } from './errors.ts'
import { FILLS, fillOf } from './filling.ts'
import { frameBytes } from './frame.ts'
import type { Duplex, Frame, ReceivedFrame } from './types.ts'
import { unframe } from './unframe.ts'

/** How long a wait may take, in milliseconds. */
export interface Wait {
  /** From the call until it settles. */
  readonly total?: number
  /** From the last byte that arrived; for reads. */
  readonly idle?: number
}

export interface MessageStreamOptions {
  /** Largest frame length in bytes; asked for every frame, so that it can follow the state. */
  readonly cap: number | (() => number)
  /** The duplex hands over its buffers (see `gather`). Default false. */
  readonly owned?: boolean
}

interface Writer {
  readonly frame: Frame
  readonly settle: (error?: unknown) => void
}

/**
 * A duplex that can be ended at once, such as a socket. Without it, `abort` can only return the source and throw into the sink, which does
 * not reach a sink that waits for a peer that never reads.
 */
export interface AbortableDuplex extends Duplex {
  abort?(error: unknown): void
}

/** Node fires a longer timer at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Whole messages on a byte duplex: frames flow in and out, one reader, any number of writers, whole frame by whole frame. Holds
 * the frames of the writers that wait, as they are, and one frame being read (at most `cap` bytes). An error of the source
 * ends the reads and one of the sink the writes, so that a refusal sent before a reset can still be read; a wait that expires and
 * `abort` end both.
 *
 * @param duplex taken over: nobody else reads, writes or closes it
 */
export function messageStream(duplex: AbortableDuplex, options: MessageStreamOptions): MessageStream {
  return new MessageStream(duplex, options)
}

export class MessageStream {
  readonly #duplex: AbortableDuplex
  readonly #frames: AsyncGenerator<ReceivedFrame, void, undefined>
  readonly #sink: Promise<void>
  #waiting: Writer[] = []
  #current: Writer | undefined
  #wake: (() => void) | undefined
  #ended = false
  #writeFailure: { error: unknown } | undefined
  #readFailure: { error: unknown } | undefined
  #rejectRead: ((error: unknown) => void) | undefined
  #lastArrival = 0

  constructor(duplex: AbortableDuplex, options: MessageStreamOptions) {
    this.#duplex = duplex
    this.#frames = unframe(options)(this.#noticed(duplex.source))
    this.#sink = this.#drive()
  }

  /**
   * Reads the next frame, or `undefined` at a clean end.
   *
   * @param wait at least one of its two limits; when it expires both directions are aborted
   * @returns a frame whose body the caller owns
   * @throws SftError ERR_SFT_TIMEOUT; those of `unframe`; what the source threw, unchanged.
   */
  read(wait: Wait): Promise<ReceivedFrame | undefined> {
    invariant(this.#rejectRead === undefined, 'two reads of one message stream at once')
    if (this.#readFailure) return Promise.reject(this.#readFailure.error)
    return new Promise((resolve, reject) => {
      const stop = this.#limit(wait, 'nothing arrived in time')
      const settle = (action: () => void) => {
        stop()
        if (this.#rejectRead === undefined) return
        this.#rejectRead = undefined
        action()
      }
      this.#rejectRead = error => settle(() => reject(error))
      this.#frames.next().then(
        next => settle(() => resolve(next.value as ReceivedFrame | undefined)),
        error => settle(() => this.#failReads(error, reject))
      )
    })
  }

  /**
   * Writes one frame; settles when the sink asks for more, so the caller's pace is the sink's. The pieces of the body are
   * borrowed until then.
   *
   * @throws SftError ERR_SFT_TIMEOUT; ERR_SFT_CONNECTION_LOST when the sink stopped; what the sink threw, unchanged.
   */
  write(frame: Frame, wait: Wait): Promise<void> {
    if (this.#writeFailure) return Promise.reject(this.#writeFailure.error)
    invariant(!this.#ended, 'write after the end of a message stream')
    return new Promise((resolve, reject) => {
      const stop = this.#limit(wait, 'the other side takes no data')
      const settle = (error?: unknown) => {
        stop()
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#waiting.push({ frame, settle })
      this.#wake?.()
    })
  }

  /** Ends the writing side after all waiting frames; settles when the sink has. Throws like `write`. */
  async end(wait: Wait): Promise<void> {
    this.#ended = true
    this.#wake?.()
    const stop = this.#limit(wait, 'the other side takes no data')
    await this.#sink.finally(stop)
    if (this.#writeFailure) throw this.#writeFailure.error
  }

  /**
   * Ends both sides in order: what was written is flushed, what still comes is thrown away until the other side ends too, since
   * closing with unread input would reset the connection and with it our last words. A pending read rejects with `error`, and so does every
   * later call. Never rejects, and takes at most `total` milliseconds.
   */
  async finish(error: unknown, total: number): Promise<void> {
    this.#rejectRead?.(error)
    this.#readFailure ??= { error }
    let stop = () => {}
    const expired = new Promise<void>(resolve => {
      stop = watch({ total }, () => 0, resolve)
    })
    await Promise.race([expired, Promise.allSettled([this.end({ total }), this.#discard()])])
    stop()
    void this.abort(error)
  }

  /**
   * Ends both sides at once: every present and later call rejects with `error`, the duplex is aborted, its sink's source throws
   * the error, its source is returned. Settles when both have closed; nobody has to wait for that. Never rejects.
   */
  async abort(error: unknown): Promise<void> {
    this.#readFailure ??= { error }
    this.#failWrites(error)
    this.#rejectRead?.(error)
    this.#duplex.abort?.(error)
    await Promise.allSettled([this.#duplex.source.return(), this.#sink])
  }

  async #discard(): Promise<void> {
    while (!(await this.#frames.next()).done);
  }

  /** A pull means that the piece before it has arrived: the cheapest place to notice progress. */
  #noticed(source: Duplex['source']): AsyncIterable<Uint8Array> {
    const arrived = (): void => {
      this.#lastArrival = performance.now()
    }
    const next = () => {
      arrived()
      return source.next()
    }
    const fill = fillOf(source)
    return {
      [Symbol.asyncIterator]: () => ({ next, return: () => source.return() }),
      ...(fill && { [FILLS]: true, fill: (into: Uint8Array) => fill(into, arrived) })
    }
  }

  #limit(wait: Wait, message: string): () => void {
    const expire = () => void this.abort(new SftError('ERR_SFT_TIMEOUT', message))
    return watch(wait, () => this.#lastArrival, expire)
  }

  #failReads(error: unknown, reject: (error: unknown) => void): void {
    this.#readFailure ??= { error }
    reject(this.#readFailure.error)
  }

  #failWrites(error: unknown): void {
    this.#writeFailure ??= { error }
    const failed = [this.#current, ...this.#waiting]
    this.#current = undefined
    this.#waiting = []
    for (const writer of failed) writer?.settle(error)
    this.#wake?.()
  }

  async #drive(): Promise<void> {
    try {
      await this.#duplex.sink(this.#outgoing())
      if (!this.#ended || this.#current || this.#waiting.length > 0) {
        this.#failWrites(new SftError('ERR_SFT_CONNECTION_LOST', 'the other side stopped reading'))
      }
    } catch (error) {
      this.#failWrites(error)
    }
  }

  /** What the sink pulls. A writer settles when the sink comes back for more after its last piece. */
  async *#outgoing(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (this.#writeFailure) throw this.#writeFailure.error
      const writer = this.#waiting.shift()
      if (writer === undefined) {
        if (this.#ended) return
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
        continue
      }
      this.#current = writer
      for (const piece of frameBytes(writer.frame)) yield piece
      this.#current?.settle()
      this.#current = undefined
    }
  }
}

/** Calls `expire` once `wait` is over; a wait that still has time after progress goes on. Returns what stops it. */
function watch(wait: Wait, progress: () => number, expire: () => void): () => void {
  const start = performance.now()
  const left = (): number => {
    const now = performance.now()
    const total = start + (wait.total ?? Number.POSITIVE_INFINITY) - now
    const idle = Math.max(start, progress()) + (wait.idle ?? Number.POSITIVE_INFINITY) - now
    return Math.min(total, idle, LONGEST_TIMER)
  }
  const check = (): void => {
    const rest = left()
    if (rest <= 0) expire()
    else timer = setTimeout(check, Math.ceil(rest))
  }
  let timer = setTimeout(check, Math.max(0, Math.ceil(left())))
  return () => clearTimeout(timer)
}
