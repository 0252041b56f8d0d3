import { open } from 'node:fs/promises'
import { SftError } from '../streams/errors.ts'

/**
 * What is read whole: a capture, and what it is compared with. It is counted while it is read, since the size of a device or a FIFO, and of a file that grows, says nothing
 * of what comes out of it (M170).
 */

export interface Limit {
  readonly bytes: number
  /** What is said of more. */
  readonly tooLarge: string
}

const MIB = 1024 * 1024

export const CAPTURE_LIMIT: Limit = { bytes: 512 * MIB, tooLarge: 'a capture of more than 512 MiB' }
/** Of files together. */
export const PLAIN_LIMIT: Limit = { bytes: 64 * MIB, tooLarge: 'files of more than 64 MiB to compare with' }

/** Bytes a read, and those that there is room for at first where nothing is known. */
const PIECE = MIB

/** @throws SftError ERR_SFT_LIMIT. */
export function checkSize(bytes: number, limit: Limit): void {
  if (bytes > limit.bytes) throw new SftError('ERR_SFT_LIMIT', limit.tooLarge)
}

/**
 * A file, whatever has its name.
 *
 * @param first looks at the beginning before more is read
 * @throws SftError ERR_SFT_LIMIT, ERR_SFT_NOT_FOUND, ERR_SFT_FILE; what `first` throws
 */
export async function wholeFile(path: string, limit: Limit, first?: (piece: Uint8Array) => void): Promise<Uint8Array> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    checkSize(size, limit)
    const pieces = file.createReadStream({ autoClose: false, highWaterMark: PIECE })
    return await whole(pieces, limit, { first, size })
  } catch (cause) {
    if (SftError.is(cause)) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new SftError('ERR_SFT_NOT_FOUND', `there is no file ${path}`, { cause })
    throw new SftError('ERR_SFT_FILE', `${path} can not be read: ${message}`, { cause })
  }
}

/**
 * All of a source, in one piece that is the caller's. Memory is taken as it fills.
 *
 * @param options `size` as it is expected
 * @throws SftError ERR_SFT_LIMIT; what `first` and the source throw
 */
export async function whole(
  source: AsyncIterable<Uint8Array>,
  limit: Limit,
  { first, size = 0 }: { first?: ((piece: Uint8Array) => void) | undefined; size?: number } = {}
): Promise<Uint8Array> {
  let all = new Uint8Array(size || PIECE)
  let used = 0
  for await (const piece of source) {
    if (used === 0) first?.(piece)
    const needed = used + piece.byteLength
    checkSize(needed, limit)
    if (needed > all.byteLength) {
      const larger = new Uint8Array(Math.max(needed, Math.min(2 * all.byteLength, limit.bytes)))
      larger.set(all.subarray(0, used))
      all = larger
    }
    all.set(piece, used)
    used = needed
  }
  return all.subarray(0, used)
}
