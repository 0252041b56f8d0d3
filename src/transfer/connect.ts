import type { Identity } from '../auth/identity/identity.ts'
import { MAX_STRIPES } from '../auth/session/handshake-messages.ts'
import { joinSession, secure } from '../auth/session/secure.ts'
import type { SecureDuplex } from '../auth/session/secure-duplex.ts'
import { SftError } from '../streams/errors.ts'
import type { AbortableDuplex } from '../streams/messages.ts'
import type { RateLimits } from '../streams/rate-limit.ts'
import { SocketReader } from '../streams/socket-reader.ts'
import type { Suite } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import { openSocket } from './dial.ts'
import { FileSession } from './file-session.ts'
import { transportOf } from './transport.ts'

export interface ConnectOptions {
  identity: Identity
  pool: CipherPool
  host: string
  port: number
  /** Name of the peer; any other is refused before a request leaves (SPEC §4.3, M12). */
  expect: string
  suites?: readonly Suite[] | undefined
  /** Bytes a chunk of what is sent. Default 1 MiB. */
  chunkSize?: number | undefined
  /** Connections to use, 1 (default) to 16: on a path with a long round trip, one is held back by its window (SPEC §8.1). */
  streams?: number | undefined
  /** Milliseconds to reach the host. Default 10,000. */
  connectTimeout?: number | undefined
  /** How fast it may go, each way. Default: as fast as it can. */
  limits?: RateLimits | undefined
  signal?: AbortSignal | undefined
}

const MAX_STREAMS = MAX_STRIPES + 1

/**
 * Dials a peer and runs the handshake; the caller owns the session and closes it. With `streams`, the session has as many connections of these as the peer
 * lets it have, at least one; they serve every transfer of it.
 *
 * @throws SftError ERR_SFT_USAGE for an impossible number of streams; ERR_SFT_CONNECT when nobody answers there, and the codes of `secure`.
 */
export async function connect(options: ConnectOptions): Promise<FileSession> {
  const { identity, pool, expect, suites, chunkSize, streams = 1, signal } = options
  requireStreams(streams)
  const opening = secure('initiator', identity, { expect, suites, signal })
  const session = await opening(await dial(options)).catch(error => raiseWithHint(error, suites))
  if (streams > 1) await openStripes(session, streams - 1, options)
  return new FileSession({ session, identity, pool, chunkSize })
}

/** A peer with no suite in common says nothing to a stranger, and closes. */
function raiseWithHint(error: unknown, suites: readonly Suite[] | undefined): never {
  if (!SftError.is(error) || error.code !== 'ERR_SFT_CONNECTION_LOST' || suites === undefined) throw error
  const hint = `it may not take the suite ${suites.join(' or ')}`
  throw new SftError(error.code, error.message, { cause: error, hint })
}

/** @throws SftError ERR_SFT_USAGE unless it is a number of connections that a session may have. */
export function requireStreams(streams: number): void {
  if (Number.isInteger(streams) && streams >= 1 && streams <= MAX_STREAMS) return
  throw new SftError('ERR_SFT_USAGE', `streams are a whole number from 1 to ${MAX_STREAMS}`)
}

/** Opens further connections side by side; one that can not be had is no fault (SPEC §8.1). The session is closed when the peer refuses it altogether. */
async function openStripes(session: SecureDuplex, count: number, options: ConnectOptions): Promise<void> {
  const { signal } = options
  try {
    await session.accepted()
    const opened = Array.from({ length: count }, async () => joinSession(session, { signal })(await dial(options)))
    await Promise.allSettled(opened)
    signal?.throwIfAborted()
  } catch (error) {
    await session.close()
    throw error
  }
}

/** Connects; the bytes that come are written straight to where they are wanted. */
async function dial(options: ConnectOptions): Promise<AbortableDuplex> {
  const reader = new SocketReader()
  return transportOf(await openSocket(options, reader), reader, options.limits)
}
