import type { Socket } from 'node:net'
import type { AbortableDuplex } from '../streams/messages.ts'
import { limitedDuplex, RateLimit, type RateLimits } from '../streams/rate-limit.ts'
import { socketDuplex } from '../streams/socket.ts'
import type { SocketReader } from '../streams/socket-reader.ts'
import { DEFAULT_CHUNK_SIZE, MIN_CHUNK_SIZE } from '../workers/construction.ts'

/** What carries a session: a socket, and how fast it may go (SPEC §8.11). */

/** @param bwlimit bytes a second; 0 and nothing are no limit. @throws SftError ERR_SFT_USAGE below 1 KiB a second */
export function limitsOf(bwlimit: number | undefined): RateLimits | undefined {
  return bwlimit ? { sent: new RateLimit(bwlimit), received: new RateLimit(bwlimit) } : undefined
}

/** Bytes a chunk under a limit: at most what goes in a second, so that what is shown moves and a `PING` is in time. */
export function chunkSizeWithin(bwlimit: number | undefined, chunkSize: number | undefined): number | undefined {
  if (!bwlimit) return chunkSize
  const second = 2 ** Math.floor(Math.log2(bwlimit))
  return Math.max(MIN_CHUNK_SIZE, Math.min(chunkSize ?? DEFAULT_CHUNK_SIZE, second))
}

/** A duplex that owns what is written to it. */
export function transportOf(
  socket: Socket,
  reader: SocketReader | undefined,
  limits: RateLimits | undefined
): AbortableDuplex {
  const transport = socketDuplex(socket, { owned: true, reader })
  return limits ? limitedDuplex(transport, limits) : transport
}
