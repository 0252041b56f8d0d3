import { SftError } from '../../streams/errors.ts'
import { TYPE_BYTES } from '../../streams/frame-types.ts'
import type { MessageStream, Wait } from '../../streams/messages.ts'
import type { FrameType, ReceivedFrame } from '../../streams/types.ts'
import type { Suite } from '../../workers/construction.ts'
import { type RecordKeys, recordKeys } from './records.ts'
import { follow, HANDSHAKE, type HandshakeState, type Progress, type Role } from './states.ts'
import { type Transcript, transcript } from './transcript.ts'

/** What an unauthenticated peer may send (SPEC §3): frames, bytes a frame, bytes in all. */
const MAX_FRAMES = 6
const MAX_FRAME_BYTES = 16 * 1024
const MAX_BYTES = 32 * 1024

/** Frame cap before authentication: shrinks with what a peer has sent. */
export class EarlyLimit {
  #frames = 0
  #bytes = 0

  /** The cap of the next frame in bytes; asked once for every frame. */
  next(): number {
    this.#frames += 1
    return this.#frames > MAX_FRAMES ? 0 : Math.min(MAX_FRAME_BYTES, MAX_BYTES - this.#bytes)
  }

  took(bytes: number): void {
    this.#bytes += bytes
  }
}

/** Time limits of a handshake in milliseconds (M22). */
export interface HandshakeDeadlines {
  /** A responder's wait for the first byte, and for any byte of the first frame after the one before. */
  readonly firstByte: number
  readonly handshake: number
}

/**
 * The frames of one handshake: state × type, transcript, records and the deadline of the whole, so that the messages
 * themselves are plain bodies. Holds one frame.
 */
export class HandshakeChannel {
  readonly role: Role
  readonly #messages: MessageStream
  readonly #deadlines: HandshakeDeadlines
  readonly #end: number
  readonly #limit: EarlyLimit
  readonly #transcript: Transcript = transcript()
  readonly #progress: Progress<HandshakeState>
  #sending: RecordKeys | undefined
  #receiving: RecordKeys | undefined

  constructor(role: Role, messages: MessageStream, limit: EarlyLimit, deadlines: HandshakeDeadlines) {
    this.role = role
    this.#messages = messages
    this.#limit = limit
    this.#deadlines = deadlines
    this.#end = performance.now() + deadlines.handshake
    this.#progress = follow(HANDSHAKE, role, 'start')
  }

  /** Transcript hash after everything sent and received so far. */
  hash(): Uint8Array {
    return this.#transcript.hash()
  }

  /** Time left for the whole handshake, in milliseconds. */
  left(): number {
    return Math.max(0, this.#end - performance.now())
  }

  /** True once a refusal or the confirmation was sent or received. */
  over(): boolean {
    return this.#progress.state() === 'over'
  }

  /** Seals with new keys from now on; the secret (44 bytes) is consumed. */
  sealUnder(suite: Suite, secret: Uint8Array): RecordKeys {
    this.#sending = recordKeys(suite, secret)
    return this.#sending
  }

  /** Opens with new keys from now on; the secret (44 bytes) is consumed. */
  openUnder(suite: Suite, secret: Uint8Array): RecordKeys {
    this.#receiving = recordKeys(suite, secret)
    return this.#receiving
  }

  async send(type: FrameType, plaintext: Uint8Array): Promise<void> {
    this.#progress.write(type)
    this.#transcript.add(type, plaintext)
    const frame = this.#sending?.seal(type, plaintext) ?? { type, body: [plaintext] }
    await this.#messages.write(frame, { total: this.left() }).catch(cause => this.#closed(cause))
  }

  /** @throws SftError ERR_SFT_FRAME_TYPE, ERR_SFT_RECORD_AUTH, ERR_SFT_TIMEOUT; at an end of the connection ERR_SFT_HANDSHAKE, of an initiator ERR_SFT_CONNECTION_LOST. */
  async receive(): Promise<ReceivedFrame> {
    const received = await this.#messages.read(this.#wait()).catch(cause => this.#closed(cause))
    if (received === undefined) return this.#closed()
    this.#limit.took(TYPE_BYTES + received.body.byteLength)
    this.#progress.check(received.type)
    const frame = this.#receiving?.open(received) ?? received
    this.#progress.read(frame.type)
    this.#transcript.add(frame.type, frame.body)
    return frame
  }

  #wait(): Wait {
    const first = this.role === 'responder' && this.#progress.state() === 'start'
    return first ? { total: this.left(), idle: this.#deadlines.firstByte } : { total: this.left() }
  }

  /** Whatever way a connection ends during the handshake, it is one error; who dialled may try again (M130). */
  #closed(cause?: unknown): never {
    const ours = SftError.is(cause) && cause.code !== 'ERR_SFT_TRUNCATED' && cause.code !== 'ERR_SFT_CONNECTION_LOST'
    if (ours) throw cause
    const code = this.role === 'initiator' ? 'ERR_SFT_CONNECTION_LOST' : 'ERR_SFT_HANDSHAKE'
    throw new SftError(code, 'the peer closed during the handshake', { cause })
  }
}
