import { SftError } from '../../streams/errors.ts'
import { CONTROL_CAP, TYPE_BYTES } from '../../streams/frame-types.ts'
import type { MessageStream } from '../../streams/messages.ts'
import type { ReceivedFrame, SealedChunk } from '../../streams/types.ts'
import { CHUNK_OVERHEAD, type Suite } from '../../workers/construction.ts'
import { connectionLost } from './faults.ts'
import { MAX_STRIPES } from './handshake-messages.ts'
import { zero } from './key-schedule.ts'
import { type Lane, Lanes } from './lanes.ts'
import type { RecordKeys } from './records.ts'
import type { Deadlines } from './secure-duplex.ts'
import type { Role } from './states.ts'
import { Stripe } from './stripe.ts'

export interface StripesOptions {
  readonly role: Role
  readonly suite: Suite
  readonly sessionId: Uint8Array
  /** `join` of SPEC §5, owned: zeroed with the session. */
  readonly secret: Uint8Array
  readonly deadlines: Deadlines
  /** Largest chunk size of the session in bytes. */
  readonly maxChunkSize: () => number
  /** The session can not go on; `told` when the peer has said so itself. */
  readonly fail: (error: SftError, told: boolean) => void
}

export interface StripeKeys {
  readonly sending: RecordKeys
  readonly receiving: RecordKeys
}

/** The further connections of one session (SPEC §8.1). Memory: one frame for each while its stream is received. */
export class Stripes {
  readonly suite: Suite
  readonly sessionId: Uint8Array
  readonly secret: Uint8Array
  readonly deadlines: Deadlines
  readonly #options: StripesOptions
  readonly #members = new Map<number, Stripe>()
  readonly #used = new Set<number>()
  #carrying: readonly Stripe[] = []
  #lanes: Lanes | undefined
  #firstChunks = 0
  #ended = false

  constructor(options: StripesOptions) {
    this.suite = options.suite
    this.sessionId = options.sessionId
    this.secret = options.secret
    this.deadlines = options.deadlines
    this.#options = options
  }

  /** Connections that carry the present stream, or carried the last one: the first and what its request named. */
  get connections(): number {
    return 1 + this.#carrying.length
  }

  /** How many of them have carried a chunk; at least one, since the first has the header. */
  get carried(): number {
    const first = this.#firstChunks > 0 ? 1 : 0
    return Math.max(1, first + this.#carrying.filter(({ chunks }) => chunks > 0).length)
  }

  /** Cap of the next frame of a stripe in bytes: it is read before its stream's `STRM` may have come. */
  cap(): number {
    return Math.max(CONTROL_CAP, TYPE_BYTES + this.#options.maxChunkSize() + CHUNK_OVERHEAD)
  }

  /** Takes a number for good, once (M38). */
  reserve(number: number): boolean {
    if (this.#ended || this.#used.has(number) || number < 1 || number > MAX_STRIPES) return false
    this.#used.add(number)
    return true
  }

  /** The lowest number that was never taken, reserved; `undefined` when all were. */
  reserveNext(): number | undefined {
    return Array.from({ length: MAX_STRIPES }, (_, index) => index + 1).find(number => this.reserve(number))
  }

  /**
   * Takes over a connection whose `JOIN` holds.
   *
   * @throws SftError ERR_SFT_HANDSHAKE when the session has ended meanwhile.
   */
  add(number: number, messages: MessageStream, keys: StripeKeys): Stripe {
    if (this.#ended) throw new SftError('ERR_SFT_HANDSHAKE', 'the session has ended')
    const { role, deadlines } = this.#options
    const onEnd = (stripe: Stripe, error: SftError, broken: boolean): void => {
      if (broken) this.#options.fail(error, stripe.said === 'ABRT')
      this.#members.delete(stripe.number)
    }
    const stripe = new Stripe({ number, role, messages, ...keys, deadlines, onEnd })
    this.#members.set(number, stripe)
    stripe.watch()
    return stripe
  }

  /** Initiator: all that are there will carry the stream of the next request. Returns their numbers as the request names them (M40). */
  name(direction: 'sending' | 'receiving'): Uint8Array | undefined {
    const numbers = [...this.#members.keys()].sort((a, b) => a - b)
    this.#enter(direction, numbers)
    return numbers.length === 0 ? undefined : Uint8Array.from(numbers)
  }

  /**
   * Responder: what a request has named will carry its stream (M40). The session ends when that can not be.
   *
   * @throws SftError ERR_SFT_PROTOCOL for a number that was never accepted, ERR_SFT_CONNECTION_LOST for one that has ended.
   */
  named(direction: 'sending' | 'receiving', numbers: Uint8Array = new Uint8Array(0)): void {
    const missing = numbers.find(number => !this.#members.has(number))
    if (missing !== undefined) throw this.#unnamed(missing)
    this.#enter(direction, [...numbers])
  }

  /** The stream is over for both sides. */
  rest(): void {
    for (const stripe of this.#carrying) stripe.enter('resting')
    this.#lanes = undefined
  }

  /** A chunk has passed on the first connection. */
  countFirst(): void {
    this.#firstChunks += 1
  }

  /** Writes a chunk on one connection that can take it, the final on all; `first` writes on the first connection. */
  async write(frame: SealedChunk, first: Lane): Promise<void> {
    if (this.#carrying.length === 0) return await first(frame)
    this.#lanes ??= new Lanes([first, ...this.#carrying.map(stripe => (next: SealedChunk) => stripe.write(next))])
    await (frame.type === 'FINL' ? this.#lanes.end(frame) : this.#lanes.write(frame))
  }

  /** The frames of the present stream on each stripe. */
  sources(): readonly AsyncIterable<ReceivedFrame>[] {
    return this.#carrying.map(stripe => framesOfStream(() => stripe.read()))
  }

  /** Ends all with the session, saying what it says. Never rejects, bounded like `Connection.end`. */
  async end(type: 'CLOS' | 'ABRT' | undefined, plaintext: Uint8Array, error: SftError): Promise<void> {
    this.#ended = true
    await Promise.all([...this.#members.values()].map(stripe => stripe.end(type, plaintext, error)))
    zero(this.secret)
  }

  #unnamed(number: number): SftError {
    const error = this.#used.has(number)
      ? connectionLost('a stripe has ended')
      : new SftError('ERR_SFT_PROTOCOL', 'the peer named a stripe that it has not')
    this.#options.fail(error, false)
    return error
  }

  #enter(direction: 'sending' | 'receiving', numbers: readonly number[]): void {
    this.#carrying = numbers.map(number => this.#members.get(number) as Stripe)
    this.#firstChunks = 0
    for (const stripe of this.#carrying) stripe.enter(direction)
  }
}

/**
 * The frames of one stream on one connection, up to and with `FINL`; which frames there may be is the state table's matter. Unlike that of a generator, its
 * `return` does not wait for a `next` that waits for the peer.
 */
export function framesOfStream(read: () => Promise<ReceivedFrame>): AsyncIterable<ReceivedFrame> {
  let ended = false
  const end = { done: true, value: undefined } as const
  const next = async (): Promise<IteratorResult<ReceivedFrame, undefined>> => {
    if (ended) return end
    const value = await read()
    ended = value.type === 'FINL'
    return { done: false, value }
  }
  const stop = async (): Promise<IteratorResult<ReceivedFrame, undefined>> => {
    ended = true
    return end
  }
  return { [Symbol.asyncIterator]: () => ({ next, return: stop }) }
}
