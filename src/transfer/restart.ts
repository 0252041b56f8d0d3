import type { Begun } from './destination.ts'

/** What an earlier attempt has left, and a transfer gives up (SPEC §8.4). */

/** A transfer that begins at the beginning although some of it was there. */
export interface Restart {
  /** What was there is of another state of the source, or of another source; or it passed for its beginning, and is not (M85). */
  readonly reason: 'changed' | 'differs'
  /** Bytes that are given up. */
  readonly bytes: number
}

export interface RestartOptions {
  /** Told when what an earlier attempt has left is given up, and why. */
  onRestart?: ((restart: Restart) => void) | undefined
}

export interface KeptOptions {
  /** Told after a failed attempt how many bytes stay at the receiver for another one; of what is sent, at most. 0 when nothing does. */
  onKept?: ((bytes: number) => void) | undefined
}

interface Beginning {
  /** Where the stream begins. */
  readonly start: number
  /** Bytes a chunk: less than one is sent again in any case. */
  readonly chunkSize: number
  /** What was said of what is there. */
  readonly begun: Pick<Begun, 'bytes'> | undefined
  /** Bytes of which it was known before. */
  readonly givenUp: number | undefined
  /** It is of the state that is sent. */
  readonly same: boolean
}

/** Why a stream does not go on where it could, if that is so. */
export function restartOf({ start, chunkSize, begun, givenUp, same }: Beginning): Restart | undefined {
  if (givenUp) return { reason: 'changed', bytes: givenUp }
  if (start > 0 || !begun || begun.bytes < chunkSize) return undefined
  return { reason: same ? 'differs' : 'changed', bytes: begun.bytes }
}
