import { SftError } from '../../streams/errors.ts'
import { readFile } from '../../streams/read-file.ts'
import { allocate } from '../../workers/buffers.ts'
import { BLOCK, CHAIN_START, chain, END, encodeEntry, encodeOmitted, padded } from './archive.ts'
import { readable } from './filter.ts'
import type { Places } from './places.ts'
import type { Walked } from './walk.ts'
import { readWhole } from './whole-file.ts'

/** A tree becomes the bytes of its archive (SPEC §8.5), from any byte on. */

export interface PackOptions {
  readonly places: Places
  /** Bytes of the archive to leave out: nothing of the files before is read. Default 0. */
  readonly start?: number
  readonly signal?: AbortSignal
  /** Told of a file that keeps changing, which is left out. */
  readonly onChanged: (path: string) => void
  /** Told of each entry whose bytes have gone. */
  readonly onEntry?: (() => void) | undefined
  /** How many entries were left out, asked for at the end. */
  readonly omitted: () => number
}

type WalkedFile = Walked & { readonly file: NonNullable<Walked['file']> }

/** Bytes of a piece that goes out; files up to this size are read into it, larger ones go by themselves. */
const PIECE = 1024 * 1024
/** A small file that changes while it is read is read again so many times. */
const ATTEMPTS = 3

/**
 * Packs: entries flow in, the bytes of an archive flow out, in pieces that the consumer owns. Memory: two pieces.
 *
 * @throws SftError ERR_SFT_SOURCE_CHANGED for a file of more than 1 MiB that changed; ERR_SFT_FILE.
 */
export async function* pack(
  entries: AsyncIterable<Walked>,
  options: PackOptions
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, onEntry, omitted, start = 0 } = options
  const out = new Gathering(start)
  for await (const walked of entries) {
    signal?.throwIfAborted()
    const header = encodeEntry(walked.entry)
    if (isSmall(walked, header, out)) {
      if (!out.hasRoom(header.byteLength + padded(walked.entry.size))) yield* out.rest()
      if (!(await packSmall(walked, header, out, options.places))) options.onChanged(walked.entry.path)
    } else yield* packEntry(walked, header, out, options)
    onEntry?.()
  }
  const count = omitted()
  if (count > 0) yield* out.put(encodeOmitted(count))
  yield* out.put(END)
  yield* out.rest()
}

/** A file that goes into a piece with others, and all of it is wanted: the most frequent case by far. */
function isSmall(walked: Walked, header: Uint8Array, out: Gathering): walked is WalkedFile {
  const { entry, file } = walked
  return file !== undefined && entry.size > 0 && header.byteLength + padded(entry.size) <= PIECE && out.wantsAll
}

async function* packEntry(
  { entry, file }: Walked,
  header: Uint8Array,
  out: Gathering,
  options: PackOptions
): AsyncGenerator<Uint8Array> {
  const body = padded(entry.size)
  if (out.skips(header.byteLength + body)) return
  if (file === undefined || body === 0) return yield* out.put(header)
  yield* out.put(header)
  yield* out.rest()
  const from = out.skipped(entry.size)
  const { places, signal } = options
  const reading = { announced: file.stat, pace: places.pace, start: from, ...(signal && { signal }) }
  yield* naming(readFile(file.fd, reading), entry.path)
  yield* out.put(new Uint8Array(body - entry.size))
}

/** Reads a small file into the piece; false when it would not hold still, and nothing of it is there. */
async function packSmall(
  { entry, file }: WalkedFile,
  header: Uint8Array,
  out: Gathering,
  places: Places
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const view = out.take(header, padded(entry.size))
    const found = await readWhole(places, file.fd, view.subarray(0, entry.size)).catch(() => undefined)
    const { mtimeNs, size } = found?.stat ?? {}
    if (found?.read === entry.size && mtimeNs === file.stat.mtimeNs && size === file.stat.size) return true
    out.giveBack(header.byteLength + padded(entry.size))
  }
  return false
}

async function* naming(source: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* source
  } catch (cause) {
    if (!SftError.is(cause)) throw cause
    throw new SftError(cause.code, `${readable(path)}: ${cause.message}`, { cause })
  }
}

/** Gathers small things into pieces, from a byte of the archive on. */
class Gathering {
  #skip: number
  #piece: Uint8Array<ArrayBuffer> | undefined
  #used = 0

  constructor(start: number) {
    this.#skip = start
  }

  /** Nothing is left out any more. */
  get wantsAll(): boolean {
    return this.#skip === 0
  }

  /** True when all of so many bytes lies before the start, and is left out. */
  skips(bytes: number): boolean {
    if (this.#skip < bytes) return false
    this.#skip -= bytes
    return true
  }

  /** How many of so many bytes are left out. */
  skipped(bytes: number): number {
    const left = Math.min(this.#skip, bytes)
    this.#skip -= left
    return left
  }

  /** So many bytes fit into the present piece. */
  hasRoom(bytes: number): boolean {
    return this.#used + bytes <= PIECE
  }

  *put(bytes: Uint8Array): Generator<Uint8Array> {
    const rest = bytes.subarray(this.skipped(bytes.byteLength))
    if (!this.hasRoom(rest.byteLength)) yield* this.rest()
    this.take(rest, 0)
  }

  /** Takes `head` into the piece, and a view of zeros behind it to be filled. There is room. */
  take(head: Uint8Array, bytes: number): Uint8Array {
    this.#piece ??= allocate(PIECE)
    const start = this.#used + head.byteLength
    this.#piece.set(head, this.#used)
    this.#used = start + bytes
    return this.#piece.subarray(start, this.#used).fill(0, Math.max(0, bytes - BLOCK))
  }

  giveBack(bytes: number): void {
    this.#used -= bytes
  }

  /** What has been gathered. */
  *rest(): Generator<Uint8Array> {
    const [piece, used] = [this.#piece, this.#used]
    this.#piece = undefined
    this.#used = 0
    // a view of most of it can be given back like the whole
    if (piece && used > 0)
      yield 2 * used > PIECE ? piece.subarray(0, used) : new Uint8Array(piece.buffer.transfer(used))
  }
}

/**
 * The name of what comes before a byte of the archive: a chain over the headers of all entries that begin before it. Reads no file.
 *
 * @returns undefined when the archive is shorter than that
 */
export async function chainBefore(entries: AsyncIterable<Walked>, bytes: number): Promise<Uint8Array | undefined> {
  let [position, hash]: [number, Uint8Array] = [0, CHAIN_START]
  for await (const { entry } of entries) {
    if (position >= bytes) return hash
    const header = encodeEntry(entry)
    hash = chain(hash, header)
    position += header.byteLength + padded(entry.size)
  }
  return position >= bytes ? hash : undefined
}
