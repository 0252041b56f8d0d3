import { randomBytes } from 'node:crypto'
import { SftError } from '../streams/errors.ts'
import { iterate } from '../streams/iterate.ts'
import { release } from '../workers/buffers.ts'
import { atMost } from './at-most.ts'
import type { OpenedInput } from './input.ts'
import type { Outgoing, OutgoingReplay } from './outgoing.ts'
import { ReplayWindow } from './replay-window.ts'

/** A source that can be read only once, of which enough is kept that a transfer goes on after its connection was lost (SPEC §8.4, M86). */

const ID_BYTES = 32
/** ms that a source gets to let go of what it waits for. */
const CLOSE_GRACE_MS = 1000

export class Replay implements OutgoingReplay, AsyncDisposable {
  readonly id: Uint8Array = randomBytes(ID_BYTES)
  readonly #input: OpenedInput
  readonly #window: ReplayWindow
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  #pieces: AsyncIterator<Uint8Array> | Iterator<Uint8Array> | undefined
  #reading: Promise<void> | undefined
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #farthest = 0
  #advanced = false

  /**
   * @param input owned; read by one attempt at a time
   * @param bytes of it to keep
   * @param signal of all attempts
   * @throws SftError ERR_SFT_USAGE for what can be read again, which needs no window.
   */
  constructor(input: OpenedInput, bytes: number, signal?: AbortSignal) {
    if (input.file || input.tree)
      throw new SftError('ERR_SFT_USAGE', 'what can be read again needs no window to replay from', {
        hint: 'leave --replay out: a file goes on by itself, and --retry attempts again'
      })
    this.#input = input
    this.#window = new ReplayWindow(bytes)
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal
  }

  /** Bytes that were read. */
  get read(): number {
    return this.#window.to
  }

  /** The source has failed: no further attempt gets beyond that. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** What an attempt sends. The source is read as the attempt takes it, and waits while there is none. */
  outgoing(): Outgoing {
    const { metadata } = this.#input
    return {
      metadata,
      file: false,
      owned: false,
      replay: this,
      source: (signal, start = 0) => this.#from(start, signal)
    }
  }

  begin(start: number): void {
    if (start < this.#window.from)
      throw new SftError(
        'ERR_SFT_REPLAY',
        `the receiver lacks bytes from ${start} on, of which some are no longer kept`,
        {
          hint: 'a larger --replay keeps more'
        }
      )
    this.#advanced ||= start > this.#farthest
    this.#farthest = Math.max(this.#farthest, start)
  }

  whole(): number {
    if (!this.#ended) throw new SftError('ERR_SFT_PROTOCOL', 'the peer says that it has what was not sent yet')
    return this.read
  }

  /** Whether attempts have begun farther on than those before the last call. */
  advanced(): boolean {
    const advanced = this.#advanced
    this.#advanced = false
    return advanced
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new SftError('ERR_SFT_CANCELLED', 'the transfer has ended'))
    const closing = Promise.resolve(this.#ended ? undefined : this.#pieces?.return?.())
    await atMost(
      CLOSE_GRACE_MS,
      closing.catch(() => undefined)
    )
    await this.#input[Symbol.asyncDispose]()
  }

  async *#from(start: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = start; ; ) {
      signal.throwIfAborted()
      const view = this.#window.view(at)
      at += view.byteLength
      if (view.byteLength > 0) yield view
      else if (this.#failure) throw this.#failure.error
      else if (this.#ended) return
      else await orAborted(this.#more(), signal)
    }
  }

  /** One read serves whoever waits for it: it may have been begun by an attempt that is over. */
  #more(): Promise<void> {
    this.#reading ??= this.#readPiece().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readPiece(): Promise<void> {
    try {
      this.#pieces ??= iterate(this.#input.source(this.#signal))
      const piece = await this.#pieces.next()
      this.#ended = piece.done === true
      if (piece.done) return
      this.#window.append(piece.value)
      if (this.#input.owned) release(piece.value)
    } catch (error) {
      this.#failure = { error }
    }
  }
}

/** Settles as `work` does, or rejects once `signal` is aborted; nobody waits for `work` then. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
