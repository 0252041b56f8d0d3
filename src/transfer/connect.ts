import { createConnection, type Socket } from 'node:net'
import type { Identity } from '../auth/identity.ts'
import { secure } from '../auth/secure.ts'
import { SftError } from '../streams/errors.ts'
import { socketDuplex } from '../streams/socket.ts'
import { SocketReader } from '../streams/socket-reader.ts'
import type { Suite } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import { FileSession } from './file-session.ts'

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
  /** Milliseconds to reach the host. Default 10,000. */
  connectTimeout?: number | undefined
  signal?: AbortSignal | undefined
}

const CONNECT_MS = 10_000

/**
 * Dials a peer and runs the handshake; the caller owns the session and closes it.
 *
 * @throws SftError ERR_SFT_CONNECT when nobody answers there, and the codes of `secure`.
 */
export async function connect(options: ConnectOptions): Promise<FileSession> {
  const { identity, pool, expect, suites, chunkSize, signal } = options
  const reader = new SocketReader()
  const socket = await dial(options, reader)
  const duplex = socketDuplex(socket, { owned: true, reader })
  const session = await secure('initiator', identity, { expect, suites, signal })(duplex)
  return new FileSession({ session, identity, pool, chunkSize })
}

function dial(
  { host, port, connectTimeout = CONNECT_MS, signal }: ConnectOptions,
  { onread }: SocketReader
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const socket = createConnection({ host, port, noDelay: true, allowHalfOpen: true, onread })
    const limit = AbortSignal.any([AbortSignal.timeout(connectTimeout), ...(signal ? [signal] : [])])
    const fail = (cause: unknown): void => {
      limit.removeEventListener('abort', giveUp)
      socket.destroy()
      reject(signal?.aborted ? signal.reason : notReached(host, port, cause))
    }
    const giveUp = (): void => fail(limit.reason)
    limit.addEventListener('abort', giveUp)
    socket.once('error', fail)
    socket.once('connect', () => {
      limit.removeEventListener('abort', giveUp)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

function notReached(host: string, port: number, cause: unknown): SftError {
  // the code of a DOMException is a number
  const { code } = cause as { code?: unknown }
  const reason = typeof code === 'string' ? code : 'no answer in time'
  return new SftError('ERR_SFT_CONNECT', `can not reach ${host}:${port} (${reason})`, {
    cause,
    hint: 'is the other side running?'
  })
}
