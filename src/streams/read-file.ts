import { type BigIntStats, fstat, read, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { allocate } from '../workers/buffers.ts'
import { DEFAULT_CHUNK_SIZE } from '../workers/construction.ts'
import { SftError } from './errors.ts'
import { Pace } from './pace.ts'

const fstatBigInt = promisify(fstat) as (fd: number, options: { bigint: true }) => Promise<BigIntStats>

export interface ReadFileOptions {
  /** Bytes a read, and so of every piece but the last. Default 1 MiB. */
  size?: number
  /** What the file was when its size was announced; a difference at the end is an error. Default: what it is at the first read. */
  announced?: BigIntStats
  signal?: AbortSignal
}

/**
 * Reads a file: bytes flow out in pieces of `size`, each in a buffer that the consumer owns. While reads go through the thread pool, one is
 * under way ahead of the consumer: memory is two pieces. Opens at the first pull; a path is closed at the end, on error and on early stop, a handle or
 * descriptor stays its owner's. A regular file must still be what it was at the end (SPEC §8, M37).
 *
 * @param file path, handle, or descriptor, read from its current position
 * @throws SftError ERR_SFT_NOT_FOUND when it can not be opened, ERR_SFT_FILE when a read fails, ERR_SFT_SOURCE_CHANGED.
 */
export async function* readFile(
  file: string | FileHandle | number,
  options: ReadFileOptions = {}
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const handle = typeof file === 'string' ? await openForReading(file) : undefined
  try {
    yield* readDescriptor(handle?.fd ?? (typeof file === 'object' ? file.fd : (file as number)), options)
  } finally {
    await handle?.close()
  }
}

/** Opens a file to send. */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${path}: ${(cause as Error).message}`, { cause })
  }
}

async function* readDescriptor(fd: number, options: ReadFileOptions): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { size = DEFAULT_CHUNK_SIZE, signal } = options
  const before = options.announced ?? (await statFd(fd))
  const pace = new Pace(before.isFile())
  let total = 0
  let ahead: Promise<Uint8Array<ArrayBuffer>> | undefined
  try {
    for (;;) {
      const piece = await (ahead ?? readPiece(fd, size, pace))
      ahead = undefined
      signal?.throwIfAborted()
      if (piece.byteLength === 0) break
      total += piece.byteLength
      if (!pace.inPlace) ahead = readAhead(fd, size, pace)
      yield piece
    }
  } finally {
    // a read under way holds the descriptor and a buffer; its own failure is reported above or no longer matters
    await ahead?.catch(() => undefined)
  }
  if (before.isFile()) requireUnchanged(before, await statFd(fd), options.announced && total)
}

function requireUnchanged(before: BigIntStats, after: BigIntStats, total: number | undefined): void {
  const same = before.size === after.size && before.mtimeNs === after.mtimeNs && before.ino === after.ino
  if (!same || (total !== undefined && BigInt(total) !== before.size)) {
    throw new SftError('ERR_SFT_SOURCE_CHANGED', 'the source changed while it was read', { hint: 'send it again' })
  }
}

/** Starts the next read. Its failure waits for the next pull, which may be long after; until then nobody has seen it. */
function readAhead(fd: number, size: number, pace: Pace): Promise<Uint8Array<ArrayBuffer>> {
  const piece = readPiece(fd, size, pace)
  piece.catch(() => undefined)
  return piece
}

/** Fills one piece; shorter only at the end of the file. A pipe or terminal gives what it has. */
async function readPiece(fd: number, size: number, pace: Pace): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = allocate(size)
  const bytes = await pace
    .run(
      () => readSync(fd, buffer, 0, size, null),
      () => readInto(fd, buffer)
    )
    .catch(readFault)
  return bytes === size ? buffer : new Uint8Array(buffer.buffer.transfer(bytes))
}

function readFault(cause: Error): never {
  throw new SftError('ERR_SFT_FILE', `reading failed: ${cause.message}`, { cause })
}

async function statFd(fd: number): Promise<BigIntStats> {
  return fstatBigInt(fd, { bigint: true }).catch(readFault)
}

function readInto(fd: number, buffer: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.byteLength, null, (cause, bytes) => {
      if (cause) reject(cause)
      else resolve(bytes)
    })
  })
}
