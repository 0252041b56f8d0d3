import { SftError } from '../streams/errors.ts'
import { type AbortableDuplex, type MessageStream, messageStream } from '../streams/messages.ts'
import { isChunkSize, MAX_CHUNK_SIZE, SUITES, type Suite } from '../workers/construction.ts'
import { type Admission, initiate, respond } from './handshake.ts'
import { EarlyLimit, HandshakeChannel } from './handshake-channel.ts'
import type { Identity } from './identity.ts'
import { GROUPS, type Group } from './key-exchange.ts'
import { type PeerIdentity, verifyPath } from './path.ts'
import type { Deadlines, SecureDuplex } from './secure-duplex.ts'
import { Session } from './session.ts'
import type { Role } from './states.ts'

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
 *   ERR_SFT_VERSION, ERR_SFT_RECORD_AUTH, ERR_SFT_ENCODING, ERR_SFT_FRAME_…, ERR_SFT_CERT_…, ERR_SFT_REFUSED_BY_PEER, ERR_SFT_TIMEOUT,
 *   ERR_SFT_CANCELLED.
 */
export function secure(
  role: Role,
  identity: Identity,
  options: SecureOptions = {}
): (transport: AbortableDuplex) => Promise<SecureDuplex> {
  const { suites = SUITES, groups = GROUPS, maxChunkSize = MAX_CHUNK_SIZE, signal } = options
  if (role === 'initiator' && options.expect === undefined) throw usage('an initiator has to say whom it expects')
  if (suites.length === 0 || groups.length === 0) throw usage('no suite or no group is left')
  if (!isChunkSize(maxChunkSize)) throw usage('the largest chunk size is no power of two from 16 KiB to 1 MiB')
  const terms = { suites, groups, chunkPower: Math.log2(maxChunkSize) }
  const deadlines = { ...DEADLINES, ...options.deadlines }

  return async transport => {
    const limit = new EarlyLimit()
    let cap = () => limit.next()
    const messages = messageStream(transport, { cap: () => cap() })
    const channel = new HandshakeChannel(role, messages, limit, deadlines)
    const admit = admission(identity, options, channel)
    const run = role === 'initiator' ? initiate : respond
    const established = await guard(messages, channel, deadlines, signal, () => run(channel, identity, terms, admit))
    const confirmation = role === 'initiator' ? () => channel.receive() : undefined
    const { chunkPower } = terms
    const session = new Session({ role, messages, established, deadlines, chunkPower, confirmation, signal })
    cap = () => session.cap()
    return session
  }
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

/** Path check with the name that was dialled (M20), then the owner's policy, which shares the deadline of the handshake. */
function admission(identity: Identity, options: SecureOptions, channel: HandshakeChannel): Admission {
  const { root, org } = identity
  return async chain => {
    const peer = verifyPath(chain, { root, org, name: options.expect, now: options.now?.() })
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
