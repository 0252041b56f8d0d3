import { createConnection, type Socket } from 'node:net'
import { SftError } from '../streams/errors.ts'
import type { SocketReader } from '../streams/socket-reader.ts'

export interface DialTarget {
  host: string
  port: number
  /** Milliseconds to reach the host. Default 10,000. */
  connectTimeout?: number | undefined
  signal?: AbortSignal | undefined
}

const CONNECT_MS = 10_000

/**
 * Connects; what comes is read by `reader`.
 *
 * @throws SftError ERR_SFT_CONNECT when nobody answers there in time; the reason of `signal`.
 */
export function openSocket(
  { host, port, connectTimeout = CONNECT_MS, signal }: DialTarget,
  { onread }: SocketReader
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const socket = createConnection({ host, port, noDelay: true, allowHalfOpen: true, onread })
    const limit = AbortSignal.any([AbortSignal.timeout(connectTimeout), ...(signal ? [signal] : [])])
    const fail = (cause: unknown): void => {
      limit.removeEventListener('abort', giveUp)
      socket.destroy()
      reject(signal?.aborted ? signal.reason : notReached({ host, port, connectTimeout }, cause))
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

function notReached({ host, port, connectTimeout = CONNECT_MS }: DialTarget, cause: unknown): SftError {
  // the code of a DOMException is a number
  const { code } = cause as { code?: unknown }
  const reason = typeof code === 'string' ? code : `no answer in ${connectTimeout / 1000} s`
  return new SftError('ERR_SFT_CONNECT', `can not reach ${host}:${port} (${reason})`, {
    cause,
    hint: 'is the other side running?'
  })
}
