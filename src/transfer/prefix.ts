import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SecureDuplex } from '../auth/session/secure-duplex.ts'
import { SftError } from '../streams/errors.ts'
import type { Source } from '../streams/types.ts'
import { release } from '../workers/buffers.ts'
import { expand } from '../workers/hkdf.ts'
import { atMost } from './at-most.ts'
import type { Outgoing } from './outgoing.ts'

/** What two sides have of the beginning of one file, compared without sending it (SPEC §8.4, M85). */

const LABEL = Buffer.from('sft/1 prefix', 'latin1')
const KEY_BYTES = 32
/** A peer that reads slower than this takes too long, in bytes a ms. */
const SLOWEST = (1024 * 1024) / 1000
const LEAST_WAIT_MS = 60_000

/**
 * Shows that these bytes are here to whoever has them too, in this session only; reads them all. Memory: a piece.
 *
 * @throws SftError ERR_SFT_FILE when there are fewer.
 */
export async function proofOf(
  { exporter }: Pick<SecureDuplex, 'exporter'>,
  { beginning, bytes }: { beginning: Source<Uint8Array>; bytes: number },
  signal: AbortSignal
): Promise<Uint8Array> {
  const mac = createHmac('sha256', expand(exporter, LABEL, KEY_BYTES))
  let left = bytes
  for await (const piece of beginning) {
    signal.throwIfAborted()
    mac.update(piece)
    left -= piece.byteLength
  }
  if (left !== 0) throw new SftError('ERR_SFT_FILE', 'what was there of the file is gone')
  return mac.digest()
}

/** Whether a peer has shown that its first bytes of a file are those of its source. */
export async function isProved(
  session: Pick<SecureDuplex, 'exporter'>,
  { outgoing, bytes, proof }: { outgoing: Outgoing; bytes: number; proof: Uint8Array },
  signal: AbortSignal
): Promise<boolean> {
  return timingSafeEqual(
    await proofOf(session, { beginning: firstBytes(outgoing, signal, bytes), bytes }, signal),
    proof
  )
}

/** What a source would say before `end`. */
export async function* firstBytes(
  { source, owned }: Outgoing,
  signal: AbortSignal,
  end: number
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = end
  for await (const piece of source(signal, 0)) {
    yield piece.subarray(0, left)
    left -= Math.min(left, piece.byteLength)
    if (owned) release(piece)
    if (left === 0) return
  }
}

/** @throws SftError ERR_SFT_USAGE: what is there of a directory is known by its entries only. */
export function requireFile({
  tree,
  verifyPrefix
}: {
  tree?: object | undefined
  verifyPrefix?: boolean | undefined
}): void {
  if (tree && verifyPrefix)
    throw new SftError('ERR_SFT_USAGE', 'what is there of a directory is not compared byte by byte', {
      hint: 'where that is in doubt, begin it anew: --no-resume at the receiver'
    })
}

/** An answer for which the peer reads so many bytes first, if any. @throws SftError ERR_SFT_TIMEOUT */
export async function afterReading<T extends object>(
  bytes: number | undefined,
  answer: Promise<T>,
  least = LEAST_WAIT_MS
): Promise<T> {
  if (bytes === undefined) return answer
  const answered = await atMost(least + bytes / SLOWEST, answer)
  if (answered) return answered
  throw new SftError('ERR_SFT_TIMEOUT', 'the peer takes too long to read what is there of the file')
}
