import { SftError } from '../../streams/errors.ts'
import { type AbortableDuplex, type MessageStream, messageStream } from '../../streams/messages.ts'
import type { ReceivedFrame } from '../../streams/types.ts'
import { isChunkSize, MAX_CHUNK_SIZE, SUITES, type Suite } from '../../workers/construction.ts'
import type { PeerIdentity } from '../certificates/path.ts'
import type { Identity } from '../identity/identity.ts'
import { verifyMember } from '../identity/member.ts'
import { type Admission, type Established, initiate, respond } from './handshake.ts'
import { EarlyLimit, HandshakeChannel } from './handshake-channel.ts'
import type { Terms } from './hello.ts'
import { acceptJoin, requestJoin, Sessions } from './join.ts'
import { GROUPS, type Group } from './key-exchange.ts'
import { awaitedLists } from './list-exchange.ts'
import type { Deadlines, SecureDuplex } from './secure-duplex.ts'
import { Session, type SessionOptions } from './session.ts'
import type { Role } from './states.ts'
import type { Stripe } from './stripe.ts'
import type { StripeKeys, Stripes } from './stripes.ts'

export interface SecureOptions {
  /** Initiator: the name that was dialled; required. A responder takes any member unless it is given. */
  readonly expect?: string | undefined
  /** In the order of preference; all by default. */
  readonly suites?: readonly Suite[] | undefined
  /** In the order of preference; the hybrid first by default. */
  readonly groups?: readonly Group[] | undefined
  /** Responder's policy, asked after everything else holds; false refuses the peer. */
  readonly accept?: ((peer: PeerIdentity) => boolean | Promise<boolean>) | undefined
  /** Largest chunk size in bytes, a power of two from 16 KiB; 1 MiB by default. */
  readonly maxChunkSize?: number | undefined
  /** The time for the path check; now by default. */
  readonly now?: (() => Date) | undefined
  /** Ends the handshake and the session that comes of it. */
  readonly signal?: AbortSignal | undefined
  /** In milliseconds. */
  readonly deadlines?: Partial<Deadlines> | undefined
}

/** M22. */
const DEADLINES: Deadlines = { firstByte: 3_000, handshake: 10_000, idle: 60_000, ping: 20_000, close: 2_000 }

/**
 * Secures a byte duplex: takes over the transport, runs the handshake of `role`, and gives an authenticated session. An initiator gets
 * it once its last message is written, so that the first request travels in the same flight; a responder once it
 * has accepted the peer. Holds at most 32 KiB of an unauthenticated peer. When it fails, the transport is closed, after at most
 * `deadlines.close` ms for the peer to read a refusal (SPEC §5, §6, §9: SIGMA-I, the order of mutual TLS 1.3).
 *
 * @param identity borrowed; used for this one handshake
 * @throws SftError ERR_SFT_USAGE (at once: no `expect` for an initiator, or impossible options); from the promise: ERR_SFT_HANDSHAKE,
 *   ERR_SFT_VERSION, ERR_SFT_RECORD_AUTH, ERR_SFT_ENCODING, ERR_SFT_FRAME_…, ERR_SFT_CERT_…, ERR_SFT_CRL, ERR_SFT_REFUSED_BY_PEER, ERR_SFT_TIMEOUT,
 *   ERR_SFT_CANCELLED.
 */
export function secure(
  role: Role,
  identity: Identity,
  options: SecureOptions = {}
): (transport: AbortableDuplex) => Promise<SecureDuplex> {
  if (role === 'initiator' && options.expect === undefined) throw usage('an initiator has to say whom it expects')
  const terms = termsOf(options)
  const checks = { identity, now: options.now }

  return async transport => {
    // a `JOIN` finds no session in an empty list, so a stripe never comes
    if (role === 'responder') return (await acceptPeer(identity, new Sessions(), options)(transport)) as Session
    const opening = new Opening('initiator', transport, options)
    const admit = admission(identity, options, opening.channel)
    return opening.run(async ({ channel }) => {
      const established = await initiate(channel, identity, terms, admit)
      const confirmation = (): Promise<ReceivedFrame> => channel.receive()
      return opening.session(established, terms, { ...checks, confirmation })
    })
  }
}

/**
 * Responder, like `secure`: a connection that begins with `HELO` becomes a session, which is in `sessions` for as long as it lives, one that begins with
 * `JOIN` a stripe of one of them (SPEC §8.1). Until then both are strangers with the same limits (M39).
 *
 * @throws like `secure`; from the promise also ERR_SFT_HANDSHAKE for a `JOIN` that is refused.
 */
export function acceptPeer(
  identity: Identity,
  sessions: Sessions,
  options: SecureOptions = {}
): (transport: AbortableDuplex) => Promise<Session | Stripe> {
  const terms = termsOf(options)
  const checks = { identity, now: options.now }

  return transport => {
    const opening = new Opening('responder', transport, options)
    const admit = admission(identity, options, opening.channel)
    return opening.run<Session | Stripe>(async ({ channel }) => {
      const { type, body } = await channel.receive()
      if (type === 'HELO') {
        const established = await respond(channel, identity, terms, admit, body)
        const onEnd = (stripes: Stripes): void => sessions.delete(stripes)
        const session = opening.session(established, terms, { ...checks, onEnd })
        sessions.add(session.stripes)
        return session
      }
      const admitted = sessions.admit(body)
      const stripe = opening.stripe(admitted.stripes, admitted.number, acceptJoin(channel, admitted))
      // JOIR: nothing but that it opens
      await channel.send('JOIR', new Uint8Array(0))
      return stripe
    })
  }
}

/**
 * Initiator: makes a further connection of a session that the peer has accepted, and joins it (SPEC §8.1). When it fails, the transport is closed and the
 * session goes on as it was.
 *
 * @throws SftError from the promise: ERR_SFT_CONNECTION_LOST when the peer refuses, ERR_SFT_LIMIT when all 15 numbers were taken, ERR_SFT_TIMEOUT,
 *   ERR_SFT_RECORD_AUTH, ERR_SFT_CANCELLED.
 */
export function joinSession(
  { stripes }: SecureDuplex,
  options: Pick<SecureOptions, 'signal' | 'deadlines'> = {}
): (transport: AbortableDuplex) => Promise<Stripe> {
  return transport => {
    const opening = new Opening('initiator', transport, options)
    return opening.run(async ({ channel }) => {
      const number = stripes.reserveNext()
      if (number === undefined) throw new SftError('ERR_SFT_LIMIT', 'the session has had all its stripes')
      return opening.stripe(stripes, number, await requestJoin(channel, stripes, number))
    })
  }
}

/** A connection on its way to become a session or a stripe: messages with a cap that follows, and the channel of its handshake. */
class Opening {
  readonly role: Role
  readonly messages: MessageStream
  readonly channel: HandshakeChannel
  readonly #deadlines: Deadlines
  readonly #signal: AbortSignal | undefined
  #cap: () => number

  constructor(role: Role, transport: AbortableDuplex, options: Pick<SecureOptions, 'signal' | 'deadlines'>) {
    const limit = new EarlyLimit()
    this.role = role
    this.#cap = () => limit.next()
    this.#deadlines = { ...DEADLINES, ...options.deadlines }
    this.#signal = options.signal
    this.messages = messageStream(transport, { cap: () => this.#cap() })
    this.channel = new HandshakeChannel(role, this.messages, limit, this.#deadlines)
  }

  run<T>(work: (opening: Opening) => Promise<T>): Promise<T> {
    return guard(this.messages, this.channel, this.#deadlines, this.#signal, () => work(this))
  }

  session(
    established: Established,
    { chunkPower }: Terms,
    more: Pick<SessionOptions, 'confirmation' | 'onEnd' | 'identity' | 'now'>
  ): Session {
    const { role, messages } = this
    const options = { role, messages, established, deadlines: this.#deadlines, chunkPower, signal: this.#signal }
    const session = new Session({ ...options, ...more })
    this.#cap = () => session.cap()
    return session
  }

  stripe(stripes: Stripes, number: number, keys: StripeKeys): Stripe {
    this.#cap = () => stripes.cap()
    return stripes.add(number, this.messages, keys)
  }
}

function termsOf(options: SecureOptions): Terms {
  const { suites = SUITES, groups = GROUPS, maxChunkSize = MAX_CHUNK_SIZE } = options
  if (suites.length === 0 || groups.length === 0) throw usage('no suite or no group is left')
  if (!isChunkSize(maxChunkSize)) throw usage('the largest chunk size is no power of two from 16 KiB to 1 MiB')
  return { suites, groups, chunkPower: Math.log2(maxChunkSize) }
}

/** Runs a handshake under the signal; when it fails, closes the transport: in order after a refusal that was said, at once otherwise. */
async function guard<T>(
  messages: MessageStream,
  channel: HandshakeChannel,
  deadlines: Deadlines,
  signal: AbortSignal | undefined,
  run: () => Promise<T>
): Promise<T> {
  const cancel = () => {
    void messages.abort(new SftError('ERR_SFT_CANCELLED', 'the handshake was cancelled', { cause: signal?.reason }))
  }
  if (signal?.aborted) cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await run()
  } catch (error) {
    if (channel.over()) await messages.finish(error, deadlines.close)
    else void messages.abort(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

/**
 * Path check with the name that was dialled (M20), revocation as far as it is known yet (M54), then the owner's policy, which shares the deadline of the
 * handshake.
 */
function admission(identity: Identity, options: SecureOptions, channel: HandshakeChannel): Admission {
  return async ({ chain, lists }) => {
    const known = awaitedLists(lists).length === 0
    const peer = verifyMember(identity, chain, { name: options.expect, now: options.now?.(), known })
    const accepted = await within(channel.left(), options.accept?.(peer) ?? true)
    if (!accepted) throw new SftError('ERR_SFT_SENDER', 'the peer is not accepted here')
    return peer
  }
}

/** A policy may ask elsewhere; it gets no more time than the handshake has. */
async function within<T>(ms: number, answer: T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SftError('ERR_SFT_TIMEOUT', 'the policy did not answer in time')), ms)
  })
  try {
    return await Promise.race([answer, expired])
  } finally {
    clearTimeout(timer)
  }
}

function usage(message: string): SftError {
  return new SftError('ERR_SFT_USAGE', message)
}
