import { createServer, type Socket } from 'node:net'
import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { Identity } from '../auth/identity/identity.ts'
import { Sessions } from '../auth/session/join.ts'
import { acceptPeer } from '../auth/session/secure.ts'
import { Session } from '../auth/session/session.ts'
import { takeAccepted } from '../streams/accepted.ts'
import { bind } from '../streams/bind.ts'
import { SftError } from '../streams/errors.ts'
import type { AbortableDuplex } from '../streams/messages.ts'
import type { RateLimits } from '../streams/rate-limit.ts'
import type { Suite } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import { atMost } from './at-most.ts'
import { FileSession } from './file-session.ts'
import type { AnsweredTransfer, Answers } from './requests.ts'
import { transportOf } from './transport.ts'

/** What happened at a listener; `peer` is the verified name, `identity` the object that `Answers` were given: one for each session. */
export type ListenEvent =
  | ({ type: 'transfer'; peer: string; identity: PeerIdentity } & AnsweredTransfer)
  | { type: 'fault'; peer: string | undefined; identity?: PeerIdentity | undefined; error: unknown }

export interface ListenOptions {
  /** Asked for every connection, so that a renewed certificate is used from then on. */
  identity: () => Identity
  pool: CipherPool
  host?: string | undefined
  /** 0 for any free port. */
  port: number
  answers: Answers
  onEvent?: (event: ListenEvent) => void
  /** Told of each session that begins; the object is the one of its later events. */
  onSession?: ((peer: PeerIdentity) => void) | undefined
  suites?: readonly Suite[] | undefined
  chunkSize?: number | undefined
  /** How fast all of its sessions together may go, each way. Default: as fast as they can. */
  limits?: RateLimits | undefined
  /** Connections that are known at once, of sessions and their stripes; more are closed at once. Default 256. */
  maxSessions?: number
}

export interface Listener extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Takes no new connections, lets transfers under way finish for at most `drain` ms (default 0), then ends them. */
  close(options?: { drain?: number }): Promise<void>
}

/** Handshakes at once (M131). */
const MAX_HANDSHAKES = 64
const MAX_SESSIONS = 256
/** ms that sessions get to end in order once they are to end; a sink of the caller may never let go. */
const CLOSE_GRACE_MS = 3000

/**
 * Listens for peers and answers them, each in a session of its own.
 *
 * @throws SftError ERR_SFT_CONNECT when the address can not be had.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const acceptor = new Acceptor(options)
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
    socket => void acceptor.accept(socket)
  )
  await bind(server, options.host, options.port)
  server.on('error', error => options.onEvent?.({ type: 'fault', peer: undefined, error }))
  const { address, port } = server.address() as { address: string; port: number }
  const close = async ({ drain = 0 } = {}): Promise<void> => {
    server.close()
    await acceptor.drain(drain)
  }
  return { host: address, port, close, [Symbol.asyncDispose]: () => close() }
}

class Acceptor {
  readonly #options: ListenOptions
  readonly #stop = new AbortController()
  readonly #sessions = new Map<FileSession, Promise<void>>()
  /** Where stripes find their session (SPEC §8.1). */
  readonly #joinable = new Sessions()
  readonly #sockets = new Set<Socket>()
  /** Of these, the connections whose handshake has not ended, the oldest first. */
  readonly #strangers = new Set<Socket>()
  #closing = false

  constructor(options: ListenOptions) {
    this.#options = options
  }

  /** One connection from its first byte to its end; never rejects. */
  async accept(accepted: Socket): Promise<void> {
    const { maxSessions = MAX_SESSIONS, onEvent, limits } = this.#options
    if (this.#closing || this.#sockets.size - this.#strangers.size >= maxSessions) {
      accepted.destroy()
      return
    }
    if (this.#strangers.size >= MAX_HANDSHAKES) this.#dropStranger()
    const { socket, reader } = takeAccepted(accepted)
    this.#sockets.add(socket)
    this.#strangers.add(socket)
    let identity: PeerIdentity | undefined
    try {
      const session = await this.#open(transportOf(socket, reader, limits), () => this.#strangers.delete(socket))
      if (session === undefined) return
      identity = session.peer
      this.#options.onSession?.(identity)
      const ended = this.#answer(session)
      this.#sessions.set(session, ended)
      await ended.finally(() => this.#sessions.delete(session))
    } catch (error) {
      onEvent?.({ type: 'fault', peer: identity?.name, identity, error })
    } finally {
      this.#strangers.delete(socket)
      this.#sockets.delete(socket)
      socket.destroy()
    }
  }

  /** Whoever only connects keeps nobody out (M131): the oldest that has said nothing goes, or if all have, the oldest. */
  #dropStranger(): void {
    const strangers = [...this.#strangers]
    const dropped = strangers.find(({ bytesRead }) => bytesRead === 0) ?? strangers[0]
    if (!dropped) return
    this.#strangers.delete(dropped)
    dropped.destroy()
  }

  async drain(ms: number): Promise<void> {
    this.#closing = true
    const sessions = [...this.#sessions]
    const ended = Promise.allSettled(
      sessions.map(async ([session, end]) => {
        await session.drain()
        await end
      })
    )
    await atMost(ms, ended)
    this.#stop.abort(new SftError('ERR_SFT_CANCELLED', 'the listener is closed'))
    await atMost(CLOSE_GRACE_MS, ended)
    for (const socket of this.#sockets) socket.destroy()
  }

  /** A session; or `undefined` at the end of a stripe, whose session tells what became of it. */
  async #open(connection: AbortableDuplex, known: () => void): Promise<FileSession | undefined> {
    const { pool, chunkSize, suites } = this.#options
    const identity = this.#options.identity()
    const accept = acceptPeer(identity, this.#joinable, { suites, signal: this.#stop.signal })
    const accepted = await accept(connection)
    known()
    if (accepted instanceof Session) return new FileSession({ session: accepted, identity, pool, chunkSize })
    await accepted.ended
    return undefined
  }

  async #answer(session: FileSession): Promise<void> {
    const { answers, onEvent } = this.#options
    const { peer } = session
    try {
      // its handshake ended after `drain` looked at the sessions
      if (this.#closing) await session.drain()
      await session.answer(answers, result =>
        onEvent?.({ type: 'transfer', peer: peer.name, identity: peer, ...result })
      )
    } finally {
      await session.close()
    }
  }
}
