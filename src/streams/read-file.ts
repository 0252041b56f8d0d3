import type { BigIntStats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { allocate } from '../workers/buffers.ts'
import { DEFAULT_CHUNK_SIZE } from '../workers/construction.ts'
import { SftError } from './errors.ts'
import { Pace } from './pace.ts'
import { PacedFiles } from './paced-files.ts'

export interface ReadFileOptions {
  /** Bytes a read, and so of every piece but the last. Default 1 MiB. */
  size?: number
  /** What the file was when its size was announced; a difference at the end is an error. Default: what it is at the first read. */
  announced?: BigIntStats
  /** Where to begin in a regular file, in bytes. Default: where it is. */
  start?: number
  /** What operations on files of the same file system have taught. Default: a pace of its own. */
  pace?: Pace
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
  const { size = DEFAULT_CHUNK_SIZE, start, signal } = options
  const before = options.announced ?? (await new PacedFiles().stat(fd).catch(readFault))
  const files = new PacedFiles(options.pace ?? new Pace(before.isFile()))
  let total = start ?? 0
  let ahead: Promise<Uint8Array<ArrayBuffer>> | undefined
  const next = () => {
    const position = start === undefined ? null : total
    return readPiece(files, fd, before.isFile() ? sizeOfNext(before, total, size) : size, position)
  }
  try {
    for (;;) {
      const piece = await (ahead ?? next())
      ahead = undefined
      signal?.throwIfAborted()
      if (piece.byteLength === 0) break
      total += piece.byteLength
      if (!files.pace.inPlace) ahead = startedAhead(next())
      yield piece
    }
  } finally {
    // a read under way holds the descriptor and a buffer; its own failure is reported above or no longer matters
    await ahead?.catch(() => undefined)
  }
  if (before.isFile()) requireUnchanged(before, await files.stat(fd).catch(readFault), options.announced && total)
}

/** A byte more than is left shows the end of a file without a buffer for a whole piece. One that has grown is read on, to its error. */
function sizeOfNext(stat: BigIntStats, total: number, size: number): number {
  const left = Number(stat.size) - total
  return left < 0 ? size : Math.min(size, left + 1)
}

function requireUnchanged(before: BigIntStats, after: BigIntStats, total: number | undefined): void {
  const same = before.size === after.size && before.mtimeNs === after.mtimeNs && before.ino === after.ino
  if (!same || (total !== undefined && BigInt(total) !== before.size)) {
    throw new SftError('ERR_SFT_SOURCE_CHANGED', 'the source changed while it was read', { hint: 'send it again' })
  }
}

/** The next read, under way. Its failure waits for the next pull, which may be long after; until then nobody has seen it. */
function startedAhead(piece: Promise<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
  piece.catch(() => undefined)
  return piece
}

/** Fills one piece; shorter only at the end of the file. A pipe or terminal gives what it has. */
async function readPiece(
  files: PacedFiles,
  fd: number,
  size: number,
  position: number | null
): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = allocate(size)
  const bytes = await files.read(fd, buffer, position).catch(readFault)
  return bytes === size ? buffer : new Uint8Array(buffer.buffer.transfer(bytes))
}

function readFault(cause: Error): never {
  throw new SftError('ERR_SFT_FILE', `reading failed: ${cause.message}`, { cause })
}
