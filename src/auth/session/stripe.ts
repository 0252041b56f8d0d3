import { SftError } from '../../streams/errors.ts'
import { TYPE_BYTES } from '../../streams/frame-types.ts'
import type { MessageStream } from '../../streams/messages.ts'
import type { ReceivedFrame, SealedChunk } from '../../streams/types.ts'
import { asLost, Connection, empty } from './connection.ts'
import { abortedByPeer, connectionLost } from './faults.ts'
import type { RecordKeys } from './records.ts'
import type { Deadlines } from './secure-duplex.ts'
import { follow, type Progress, type Role, STRIPE, type StripeState } from './states.ts'

/** `FINL` of SPEC §3: type, 24 bytes of plaintext and a tag. */
export const FINAL_CAP = 44
const NOTHING = new Uint8Array(0)

export interface StripeOptions {
  readonly number: number
  readonly role: Role
  readonly messages: MessageStream
  readonly sending: RecordKeys
  readonly receiving: RecordKeys
  readonly deadlines: Deadlines
  /** Told once when it ends by itself. `broken`: the stream or the session can not go on without it. */
  readonly onEnd: (stripe: Stripe, error: SftError, broken: boolean) => void
}

/**
 * One more connection of a session (SPEC §8.1). It is read one frame ahead of what the stream takes, so that the end of the peer is always
 * noticed: memory is that frame.
 */
export class Stripe {
  readonly number: number
  /** Settles once its connection has closed. Never rejects. */
  readonly ended: Promise<void>
  readonly #options: StripeOptions
  readonly #connection: Connection
  readonly #closed = Promise.withResolvers<void>()
  #progress: Progress<StripeState>
  #chunks = 0
  #ahead: Promise<ReceivedFrame> | undefined
  #ending: Promise<void> | undefined
  #said: 'CLOS' | 'ABRT' | undefined

  constructor(options: StripeOptions) {
    this.number = options.number
    this.ended = this.#closed.promise
    this.#options = options
    this.#connection = new Connection(options)
    this.#progress = follow(STRIPE, options.role, 'resting')
  }

  /** What the peer has ended it with. */
  get said(): 'CLOS' | 'ABRT' | undefined {
    return this.#said
  }

  /** `RSFL` of the present stream, or of the last one, that it has carried. */
  get chunks(): number {
    return this.#chunks
  }

  /** A request has named it (M40), or its stream has ended. */
  enter(state: 'resting' | 'sending' | 'receiving'): void {
    if (state !== 'resting') this.#chunks = 0
    if (!this.#ending) this.#progress = follow(STRIPE, this.#options.role, state)
  }

  /** Reads ahead from now on. */
  watch(): void {
    if (this.#ahead) return
    this.#ahead = this.#next()
    this.#ahead.catch(error => this.#over(asLost(error)))
  }

  /**
   * The next `RSFL` or `FINL` of the stream that it carries; the caller owns the body. One read at a time.
   *
   * @throws SftError ERR_SFT_CONNECTION_LOST when it ends, and what broke it.
   */
  async read(): Promise<ReceivedFrame> {
    this.watch()
    const ahead = this.#ahead as Promise<ReceivedFrame>
    try {
      const frame = await ahead
      this.#ahead = undefined
      if (frame.type === 'FINL') this.watch()
      return frame
    } catch (error) {
      throw asLost(error)
    }
  }

  /** Writes `RSFL` or `FINL` as its stream sealed it; the pieces are borrowed until it settles. */
  async write(frame: SealedChunk): Promise<void> {
    if (this.#ending) throw connectionLost('a stripe has ended')
    this.#progress.write(frame.type)
    if (frame.type === 'RSFL') this.#chunks += 1
    try {
      await this.#connection.write(frame)
    } catch (error) {
      const lost = asLost(error)
      this.#over(lost)
      throw lost
    }
  }

  /** Ends it with the session. Never rejects, bounded like `Connection.end`. */
  end(type: 'CLOS' | 'ABRT' | undefined, plaintext: Uint8Array, error: SftError): Promise<void> {
    this.#ending ??= this.#connection.end(type, plaintext, error).finally(() => this.#closed.resolve())
    return this.#ending
  }

  async #next(): Promise<ReceivedFrame> {
    for (;;) {
      const received = await this.#connection.read()
      const { type } = received
      if (type !== 'PING') this.#progress.check(type)
      if (type === 'RSFL' || type === 'FINL') return this.#take(received)
      const frame = this.#connection.open(received)
      if (type === 'ABRT' || type === 'CLOS') this.#said = type
      if (type === 'ABRT') throw abortedByPeer(frame.body)
      empty(frame)
      if (type === 'CLOS') throw connectionLost('the peer has closed a stripe')
    }
  }

  #take(received: ReceivedFrame): ReceivedFrame {
    const { type, body } = received
    if (type === 'FINL' && body.byteLength + TYPE_BYTES > FINAL_CAP)
      throw new SftError('ERR_SFT_FRAME_TOO_LARGE', 'the final is too large')
    this.#progress.read(type)
    if (type === 'RSFL') this.#chunks += 1
    return received
  }

  /** It has ended by itself: at rest that is forgotten, unless a rule was broken or the peer has aborted (M43). */
  #over(error: SftError): void {
    if (this.#ending) return
    const gone = error.code === 'ERR_SFT_CONNECTION_LOST' || error.code === 'ERR_SFT_TIMEOUT'
    const resting = this.#progress.state() === 'resting' && this.#said !== 'ABRT'
    // CLOS passes the state table only when nothing is to come any more
    const harmless = this.#said === 'CLOS' || (gone && resting)
    // a session that ends for it says so here, too
    this.#options.onEnd(this, error, !harmless)
    void this.end(undefined, NOTHING, error)
  }
}
