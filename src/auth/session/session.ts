import { invariant, SftError } from '../../streams/errors.ts'
import { CONTROL_CAP, TYPE_BYTES } from '../../streams/frame-types.ts'
import type { MessageStream } from '../../streams/messages.ts'
import type { ReceivedFrame, SealedChunk } from '../../streams/types.ts'
import { CHUNK_OVERHEAD, isChunkSize, type Suite } from '../../workers/construction.ts'
import type { PeerIdentity } from '../certificates/path.ts'
import { asLost, Connection, empty } from './connection.ts'
import { abortedByPeer, abortFor, connectionLost, refusedByPeer } from './faults.ts'
import type { Established } from './handshake.ts'
import { type Abort, abortion, sessionBegins } from './handshake-messages.ts'
import { checkChunkPower } from './hello.ts'
import type { Group } from './key-exchange.ts'
import { zero } from './key-schedule.ts'
import type { Deadlines, RequestType, SecureDuplex } from './secure-duplex.ts'
import { follow, type Progress, type Role, SESSION, type SessionState } from './states.ts'
import { FINAL_CAP } from './stripe.ts'
import { Stripes } from './stripes.ts'

export interface SessionOptions {
  readonly role: Role
  readonly messages: MessageStream
  readonly established: Established
  readonly deadlines: Deadlines
  /** Our own largest chunk size as a power of two. */
  readonly chunkPower: number
  /** Settles the handshake of an initiator: reads `RSCV` or `RSCI`. */
  readonly confirmation?: (() => Promise<ReceivedFrame>) | undefined
  readonly signal?: AbortSignal | undefined
  /** Told once, as soon as it is to end. */
  readonly onEnd?: ((stripes: Stripes) => void) | undefined
}

const NOTHING = new Uint8Array(0)

/** The session behind `secure()`. Holds one frame being read, and the frames of the writers that wait. */
export class Session implements SecureDuplex {
  readonly role: Role
  readonly peer: PeerIdentity
  readonly suite: Suite
  readonly group: Group
  readonly exporter: Uint8Array
  readonly sessionId: Uint8Array
  readonly stripes: Stripes
  readonly #connection: Connection
  readonly #options: SessionOptions
  readonly #progress: Progress<SessionState>
  #chunkPower: number
  #chunkSize: number | undefined
  #acceptance: Promise<void> | undefined
  #ending: Promise<void> | undefined
  #failure: SftError | undefined
  /** The peer has said why it ends the session. */
  #peerEnded = false

  constructor(options: SessionOptions) {
    const { established } = options
    this.role = options.role
    this.peer = established.peer
    this.suite = established.suite
    this.group = established.group
    this.exporter = established.exporter
    this.sessionId = established.sessionId
    const { messages, deadlines } = options
    const { sending, receiving } = established
    this.#connection = new Connection({ messages, sending, receiving, deadlines })
    this.stripes = new Stripes({
      role: options.role,
      suite: established.suite,
      sessionId: established.sessionId,
      secret: established.join,
      deadlines,
      maxChunkSize: () => this.maxChunkSize,
      fail: this.#stripeFailed
    })
    this.#options = options
    this.#chunkPower = Math.min(options.chunkPower, established.chunkPower ?? options.chunkPower)
    this.#progress = follow(SESSION, options.role, 'idle')
    options.signal?.addEventListener('abort', this.#cancel, { once: true })
  }

  get maxChunkSize(): number {
    return 2 ** this.#chunkPower
  }

  /** Cap of the next frame in bytes (SPEC §3). */
  cap(): number {
    return this.#chunkSize === undefined ? CONTROL_CAP : TYPE_BYTES + this.#chunkSize + CHUNK_OVERHEAD
  }

  accepted(): Promise<void> {
    this.#acceptance ??= this.#confirm()
    return this.#acceptance
  }

  async read(): Promise<ReceivedFrame | undefined> {
    if (this.#failure) throw this.#failure
    await this.accepted()
    try {
      return await this.#next()
    } catch (error) {
      throw this.#fault(error)
    }
  }

  async write(type: RequestType, body: Uint8Array): Promise<void> {
    this.#writable()
    this.#progress.write(type)
    this.#settle()
    await this.#sent(this.#connection.writeRecord(type, body))
  }

  async writeSealed(frame: SealedChunk): Promise<void> {
    this.#writable()
    this.#progress.write(frame.type)
    await this.stripes.write(frame, next => {
      if (next.type === 'RSFL') this.stripes.countFirst()
      return this.#sent(this.#connection.write(next))
    })
  }

  expectChunks(size: number): void {
    invariant(this.#progress.state() === 'receiving' && isChunkSize(size), 'chunks expected outside a stream')
    this.#chunkSize = size
  }

  close(): Promise<void> {
    const state = this.#progress.state()
    const error = new SftError('ERR_SFT_CANCELLED', 'the session was closed')
    if (state !== 'idle' && state !== 'over') return this.abort('cancelled', error)
    this.#ending ??= this.#end('CLOS', NOTHING, error)
    return this.#ending
  }

  abort(reason: Abort, error: SftError): Promise<void> {
    this.#ending ??= this.#end('ABRT', abortion.encode(reason), error)
    return this.#ending
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #confirm(): Promise<void> {
    if (this.#options.confirmation === undefined) return
    try {
      const { type, body } = await this.#options.confirmation()
      this.#peerEnded = type === 'RSCI'
      if (type === 'RSCI') throw refusedByPeer(body)
      const begins = sessionBegins.decode(body)
      if (Buffer.compare(begins.sessionId, this.sessionId) !== 0) {
        throw new SftError('ERR_SFT_HANDSHAKE', 'the peer confirmed another session')
      }
      this.#chunkPower = Math.min(this.#chunkPower, checkChunkPower(begins.chunkPower))
    } catch (error) {
      throw this.#fault(error)
    }
  }

  async #next(): Promise<ReceivedFrame | undefined> {
    while (this.#progress.state() !== 'over') {
      const frame = this.#take(await this.#connection.read())
      this.#peerEnded = frame.type === 'ABRT'
      if (frame.type === 'ABRT') throw abortedByPeer(frame.body)
      if (frame.type !== 'PING' && frame.type !== 'CLOS') return frame
    }
    return undefined
  }

  /** State × type first, then the record; the state moves only by what has verified. */
  #take(received: ReceivedFrame): ReceivedFrame {
    const { type } = received
    if (type === 'PING') return empty(this.#connection.open(received))
    this.#progress.check(type)
    if (type === 'RSFL' || type === 'FINL') this.#checkSealed(received)
    const frame = type === 'RSFL' || type === 'FINL' ? received : this.#connection.open(received)
    this.#progress.read(type)
    this.#settle()
    return type === 'CLOS' ? empty(frame) : frame
  }

  #checkSealed({ type, body }: ReceivedFrame): void {
    if (this.#chunkSize === undefined)
      throw new SftError('ERR_SFT_FRAME_TYPE', `a frame of type ${type} came too early`)
    if (type === 'RSFL') {
      this.stripes.countFirst()
      return
    }
    if (body.byteLength + TYPE_BYTES > FINAL_CAP)
      throw new SftError('ERR_SFT_FRAME_TOO_LARGE', 'the final is too large')
    this.#chunkSize = undefined
  }

  #writable(): void {
    if (this.#failure) throw this.#failure
    if (this.#progress.state() === 'over') throw connectionLost('the peer has ended the session')
  }

  /** A request that is answered leaves its stripes at rest. */
  #settle(): void {
    if (this.#progress.state() === 'idle') this.stripes.rest()
  }

  async #sent(writing: Promise<void>): Promise<void> {
    try {
      await writing
    } catch (error) {
      throw this.#failure ?? asLost(error)
    }
  }

  #cancel = (): void => {
    const cause = this.#options.signal?.reason
    void this.abort('cancelled', new SftError('ERR_SFT_CANCELLED', 'the session was cancelled', { cause }))
  }

  /** Ends the session for a fault found while reading, telling the peer where that makes sense; returns the error to throw. */
  #fault(cause: unknown): SftError {
    if (this.#failure) return this.#failure
    const error = asLost(cause)
    const reason = this.#peerEnded ? undefined : abortFor(error.code)
    if (reason !== undefined) void this.abort(reason, error)
    else this.#ending ??= this.#end(undefined, NOTHING, error)
    return error
  }

  /** M43: the stream can not do without it, so the peer is told on the connections that are left. */
  #stripeFailed = (error: SftError, told: boolean): void => {
    if (told) this.#ending ??= this.#end(undefined, NOTHING, error)
    else void this.abort(abortFor(error.code) ?? 'connection lost', error)
  }

  async #end(type: 'CLOS' | 'ABRT' | undefined, body: Uint8Array, error: SftError): Promise<void> {
    this.#failure = error
    this.#options.signal?.removeEventListener('abort', this.#cancel)
    this.#options.onEnd?.(this.stripes)
    await Promise.all([this.#connection.end(type, body, error), this.stripes.end(type, body, error)])
    zero(this.exporter)
  }
}
