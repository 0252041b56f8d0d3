import { invariant, SftError } from '../../streams/errors.ts'
import type { MessageStream } from '../../streams/messages.ts'
import type { FrameType, ReceivedFrame, SealedChunk } from '../../streams/types.ts'
import { isChunkSize, type Suite } from '../../workers/construction.ts'
import type { PeerIdentity } from '../certificates/path.ts'
import type { PublicIdentity } from '../identity/identity.ts'
import { ChunkGate } from './chunk-gate.ts'
import { asLost, Connection, empty } from './connection.ts'
import { abortedByPeer, abortFor, connectionLost } from './faults.ts'
import { type Established, readConfirmation } from './handshake.ts'
import { type Abort, abortion } from './handshake-messages.ts'
import type { Group } from './key-exchange.ts'
import { zero } from './key-schedule.ts'
import { PeerStanding } from './peer-standing.ts'
import type { Deadlines, RequestType, SecureDuplex } from './secure-duplex.ts'
import { follow, type Progress, type Role, SESSION, type SessionState } from './states.ts'
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
  /** By whose revocation lists the peer is checked as time goes on. */
  readonly identity: PublicIdentity
  readonly now?: (() => Date) | undefined
  /** Told once, as soon as it is to end. */
  readonly onEnd?: ((stripes: Stripes) => void) | undefined
}

const NOTHING = new Uint8Array(0)
/** Frames that the session takes itself. */
const OWN: ReadonlySet<FrameType> = new Set(['PING', 'CRLN', 'CLOS'])

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
  readonly #standing: PeerStanding
  readonly #gate: ChunkGate
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
    this.#gate = new ChunkGate(Math.min(options.chunkPower, established.chunkPower ?? options.chunkPower))
    this.#progress = follow(SESSION, options.role, 'idle')
    const { identity, now = () => new Date() } = options
    const { peer, lists } = established
    this.#standing = new PeerStanding({ identity, peer, lists, now, onNews: this.#news })
    this.#sendLists()
    options.signal?.addEventListener('abort', this.#cancel, { once: true })
  }

  get maxChunkSize(): number {
    return this.#gate.maxChunkSize
  }

  /** Cap of the next frame in bytes (SPEC §3). */
  cap(): number {
    return this.#gate.cap()
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
    if (isRequest(type)) await this.#requirePeer()
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
    this.#gate.open(size)
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
    try {
      if (this.#options.confirmation) this.#begin(await this.#options.confirmation())
      await this.#awaitLists()
    } catch (error) {
      throw this.#fault(error)
    }
  }

  #begin(answer: ReceivedFrame): void {
    this.#peerEnded = answer.type === 'RSCI'
    this.#gate.limit(readConfirmation(answer, this.sessionId))
  }

  /** M54: the lists that the peer has announced come before anything else. */
  async #awaitLists(): Promise<void> {
    while (this.#standing.exchange.awaiting) {
      const frame = await this.#step()
      if (frame) throw new SftError('ERR_SFT_FRAME_TYPE', `a ${frame.type} came before the revocation lists`)
      if (this.#progress.state() === 'over') throw connectionLost('the peer left before it sent its revocation lists')
    }
    this.#standing.requireCurrent()
  }

  async #next(): Promise<ReceivedFrame | undefined> {
    while (this.#progress.state() !== 'over') {
      const frame = await this.#step()
      if (frame && isRequest(frame.type)) this.#standing.requireCurrent()
      if (frame) return frame
    }
    return undefined
  }

  /** Reads one frame; `undefined` for one that is the session's own matter. */
  async #step(): Promise<ReceivedFrame | undefined> {
    const frame = this.#take(await this.#connection.read())
    this.#peerEnded = frame.type === 'ABRT'
    if (frame.type === 'ABRT') throw abortedByPeer(frame.body)
    if (frame.type === 'CRLN') await this.#standing.exchange.take(frame.body)
    return OWN.has(frame.type) ? undefined : frame
  }

  /** State × type first, then the record; the state moves only by what has verified. */
  #take(received: ReceivedFrame): ReceivedFrame {
    const { type } = received
    if (type === 'PING') return empty(this.#connection.open(received))
    if (type === 'CRLN') return this.#connection.open(received)
    this.#progress.check(type)
    const sealed = type === 'RSFL' || type === 'FINL'
    if (sealed) this.#gate.pass(received)
    if (type === 'RSFL') this.stripes.countFirst()
    const frame = sealed ? received : this.#connection.open(received)
    this.#progress.read(type)
    this.#settle()
    return type === 'CLOS' ? empty(frame) : frame
  }

  /** Before a request: no fault of the peer's is met later than it can be. */
  async #requirePeer(): Promise<void> {
    if (this.#standing.exchange.awaiting) await this.accepted()
    try {
      this.#standing.requireCurrent()
    } catch (error) {
      throw this.#fault(error)
    }
  }

  /** A later list, whoever brought it: the peer may be on it, and may not have it. */
  #news = (): void => {
    try {
      this.#standing.requireNotRevoked()
      this.#sendLists()
    } catch (error) {
      this.#fault(error)
    }
  }

  /** Queued behind what is written, and before what will be. A transport that fails here fails the owner's next call too, and is reported there. */
  #sendLists(): void {
    if (this.#failure || this.#progress.state() === 'over') return
    const bodies = [...this.#standing.exchange.due()]
    void Promise.allSettled(bodies.map(body => this.#connection.writeRecord('CRLN', body)))
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
    this.#standing.stop()
    await Promise.all([this.#connection.end(type, body, error), this.stripes.end(type, body, error)])
    zero(this.exporter)
  }
}

function isRequest(type: FrameType): boolean {
  return type === 'RQFL' || type === 'OFFR'
}
