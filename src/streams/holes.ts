import { fstat, fstatSync, ftruncate, ftruncateSync, write, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { release } from '../workers/buffers.ts'
import { asFileFault } from './file-fault.ts'
import { Pace } from './pace.ts'
import type { Source } from './types.ts'

/** Files with holes: rows of zeros take no room on the disk of who receives them either (SPEC §8, M91; of directories §8.5). */

/** Bytes of a row: what is zero from its beginning to its end is left out. */
const ROW = 64 * 1024
const ZEROS = Buffer.alloc(ROW)

const promises = {
  fstat: promisify(fstat),
  ftruncate: promisify(ftruncate) as (fd: number, size: number) => Promise<void>,
  write: promisify(write) as (
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number
  ) => Promise<{ bytesWritten: number }>
}

/** The runs of a piece that are to be written, beginnings and ends; between them, and around them, are rows of zeros. */
export function* runsOf(bytes: Uint8Array): Generator<readonly [from: number, to: number]> {
  const { byteLength } = bytes
  for (let at = 0; at < byteLength; ) {
    while (at < byteLength && isZero(bytes, at)) at += ROW
    const from = at
    while (at < byteLength && !isZero(bytes, at)) at += ROW
    if (from < byteLength) yield [from, Math.min(at, byteLength)]
  }
}

function isZero(bytes: Uint8Array, at: number): boolean {
  // most rows show with their first byte that they are none
  if (bytes[at] !== 0) return false
  const row = bytes.subarray(at, at + ROW)
  return ZEROS.subarray(0, row.byteLength).equals(row)
}

/**
 * Writes a source to the end of a file, and leaves rows of zeros out. The file has its size at every moment, so what a failure leaves is as long as what has come.
 *
 * @param owned buffers are given back once written
 */
export async function writeWithHoles(
  { fd }: Pick<FileHandle, 'fd'>,
  source: Source<Uint8Array>,
  { owned = false, signal }: { owned?: boolean; signal?: AbortSignal } = {}
): Promise<number> {
  const end = new End(fd)
  await end.find()
  let bytes = 0
  for await (const piece of source) {
    signal?.throwIfAborted()
    bytes += piece.byteLength
    let done = 0
    for (const [from, to] of runsOf(piece)) {
      if (from > done) await end.extend(from - done)
      await end.append(piece.subarray(from, to))
      done = to
    }
    if (done < piece.byteLength) await end.extend(piece.byteLength - done)
    if (owned) release(piece)
  }
  return bytes
}

/** The end of a file, which nobody else moves. */
class End {
  readonly #fd: number
  readonly #pace = new Pace(true)
  #at = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  async find(): Promise<void> {
    const { size } = await this.#run(
      () => fstatSync(this.#fd),
      () => promises.fstat(this.#fd)
    )
    this.#at = size
  }

  /** Moves it by a hole. */
  async extend(bytes: number): Promise<void> {
    this.#at += bytes
    await this.#run(
      () => ftruncateSync(this.#fd, this.#at),
      () => promises.ftruncate(this.#fd, this.#at)
    )
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) {
      const left = bytes.byteLength - done
      const written = await this.#run(
        () => writeSync(this.#fd, bytes, done, left, this.#at),
        async () => (await promises.write(this.#fd, bytes, done, left, this.#at)).bytesWritten
      )
      done += written
      this.#at += written
    }
  }

  async #run<T>(inPlace: () => T, threaded: () => Promise<T>): Promise<T> {
    return this.#pace.run(inPlace, threaded).catch(cause => {
      throw asFileFault(cause)
    })
  }
}
