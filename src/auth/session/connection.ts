import { SftError } from '../../streams/errors.ts'
import type { MessageStream } from '../../streams/messages.ts'
import type { Frame, FrameType, ReceivedFrame } from '../../streams/types.ts'
import { connectionLost } from './faults.ts'
import type { RecordKeys } from './records.ts'
import type { Deadlines } from './secure-duplex.ts'

/** Bytes that have to leave in a second while some are outstanding (M22). */
const SLOWEST_RATE = 1024
const NOTHING = new Uint8Array(0)

export interface ConnectionOptions {
  /** Taken over. */
  readonly messages: MessageStream
  readonly sending: RecordKeys
  readonly receiving: RecordKeys
  readonly deadlines: Deadlines
}

/**
 * One authenticated connection, the first of a session or a stripe: frames, records under its keys, deadlines and signs of life (M21, M22). What
 * may be said when is its owner's matter. Holds one frame being read, and the frames of the writers that wait.
 */
export class Connection {
  readonly #messages: MessageStream
  readonly #sending: RecordKeys
  readonly #receiving: RecordKeys
  readonly #deadlines: Deadlines
  #writing = 0
  #lastWrite = performance.now()
  #pulse: NodeJS.Timeout

  constructor({ messages, sending, receiving, deadlines }: ConnectionOptions) {
    this.#messages = messages
    this.#sending = sending
    this.#receiving = receiving
    this.#deadlines = deadlines
    this.#pulse = setTimeout(this.#beat, deadlines.ping).unref()
  }

  /** The next frame as it came. Throws like `MessageStream.read`; ERR_SFT_CONNECTION_LOST at its end. */
  async read(): Promise<ReceivedFrame> {
    const received = await this.#messages.read({ idle: this.#deadlines.idle })
    if (received === undefined) throw connectionLost('the peer left without saying so')
    return received
  }

  /** Opens a record (M21). */
  open(received: ReceivedFrame): ReceivedFrame {
    return this.#receiving.open(received)
  }

  /** Writes a frame as it is; its pieces are borrowed until it settles. Throws like `MessageStream.write`. */
  async write(frame: Frame): Promise<void> {
    const bytes = frame.body.reduce((sum, piece) => sum + piece.byteLength, 0)
    this.#writing += 1
    try {
      await this.#messages.write(frame, { total: this.#deadlines.idle + (1000 * bytes) / SLOWEST_RATE })
    } finally {
      this.#writing -= 1
      this.#lastWrite = performance.now()
    }
  }

  /** Writes a record. */
  writeRecord(type: FrameType, plaintext: Uint8Array): Promise<void> {
    return this.write(this.#sending.seal(type, plaintext))
  }

  /**
   * Says a last record, when there is one, and ends both directions in order; a pending read rejects with `error`. Never rejects, and takes at
   * most twice `deadlines.close` ms.
   */
  async end(type: 'CLOS' | 'ABRT' | undefined, plaintext: Uint8Array, error: SftError): Promise<void> {
    clearTimeout(this.#pulse)
    if (type !== undefined) await Promise.allSettled([this.#tell(type, plaintext, this.#deadlines.close)])
    await this.#messages.finish(error, this.#deadlines.close)
  }

  /** A side that has sent nothing for a while sends a sign of life (M22). One that waits for the transport is not silent. */
  #beat = (): void => {
    const { ping, idle } = this.#deadlines
    const rest = this.#lastWrite + ping - performance.now()
    this.#pulse = setTimeout(this.#beat, rest > 0 ? Math.ceil(rest) : ping).unref()
    if (rest > 0 || this.#writing > 0) return
    // A transport that fails here fails the owner's next call too, and is reported there.
    void Promise.allSettled([this.#tell('PING', NOTHING, idle)])
  }

  async #tell(type: FrameType, plaintext: Uint8Array, total: number): Promise<void> {
    await this.#messages.write(this.#sending.seal(type, plaintext), { total })
    this.#lastWrite = performance.now()
  }
}

/** Whatever way a transport ends, it is one error; what we found ourselves stays what it is. */
export function asLost(error: unknown): SftError {
  if (SftError.is(error) && error.code !== 'ERR_SFT_TRUNCATED') return error
  return connectionLost('the connection was lost', error)
}

/** A frame whose body says nothing. */
export function empty(frame: ReceivedFrame): ReceivedFrame {
  if (frame.body.byteLength === 0) return frame
  throw new SftError('ERR_SFT_ENCODING', `a frame of type ${frame.type} has a body`)
}
