import { BLOCK, CHAIN_START, chain, decodeHeader, headerLength, malformed, padded, requireZeros } from './archive.ts'
import type { Entry } from './entry.ts'
import type { PieceReader } from './piece-reader.ts'
import type { Place } from './places.ts'
import type { LevelState, TreeWriter } from './tree-writer.ts'

/** The bytes of an archive become a tree (SPEC §8.5), from where they were left on. */

/** Where one stands in an archive: all that is needed to go on there. */
export interface Standing {
  /** Bytes of the archive before this. */
  readonly position: number
  /** What tells the entries up to here from any other. */
  readonly chain: Uint8Array
  readonly levels: readonly LevelState[]
  /** A file that has begun, and how much of it is written. */
  readonly file?: { readonly entry: Entry; readonly written: number } | undefined
  readonly entries: number
}

/** Bytes of a file that are read at once, and written at once. */
const SMALL = 1024 * 1024
/** Bytes of the archive after which `onStanding` is told. */
const TELL_EVERY = 8 * 1024 * 1024

interface OpenFile {
  readonly entry: Entry
  readonly place: Place
  fd: number
  written: number
  /** Before it began. */
  readonly before: Standing
}

export class Unpacking {
  readonly #writer: TreeWriter
  readonly #reader: PieceReader
  readonly #onStanding: (standing: Standing) => Promise<void>
  #position = 0
  #told = 0
  #chain: Uint8Array = CHAIN_START
  #file: OpenFile | undefined
  /** While a small file is made: what stands then, for a part of it is removed when one goes on. */
  #unmade: Standing | undefined
  #entries = 0

  constructor(writer: TreeWriter, reader: PieceReader, onStanding: (standing: Standing) => Promise<void>) {
    this.#writer = writer
    this.#reader = reader
    this.#onStanding = onStanding
  }

  get standing(): Standing {
    if (this.#unmade) return this.#unmade
    const file = this.#file && { entry: this.#file.entry, written: this.#file.written }
    const { levels } = this.#writer
    return { position: this.#position, chain: this.#chain, levels, file, entries: this.#entries }
  }

  /** Goes on there: the reader is at its position, the writer in its directories. */
  async goOn({ position, chain: hash, file, entries }: Standing): Promise<void> {
    this.#position = position
    this.#told = position
    this.#chain = hash
    this.#entries = entries
    if (file === undefined) return
    const place = this.#writer.current()
    const fd = await this.#writer.places.continueFile(place)
    await this.#writer.places.truncate(fd, file.written)
    this.#file = { ...file, place, fd, before: this.standing }
    await this.#body()
  }

  /** Reads to the end of the archive and of its source. @returns how many entries there were, and how many their sender left out */
  async run(): Promise<{ entries: number; omitted: number }> {
    let omitted = 0
    for (;;) {
      const header = await this.#header()
      if (header === undefined) break
      if (omitted > 0) throw malformed('goes on after its end')
      const found = decodeHeader(header)
      if ('omitted' in found) omitted = found.omitted
      else await this.#entry(found, header)
    }
    await this.#end()
    return { entries: this.#entries, omitted }
  }

  /** Takes back the file that has begun: it will be another when it comes again. */
  async takeBack(): Promise<Standing> {
    const file = this.#file
    if (file === undefined) return this.standing
    await this.#writer.places.removeAll(file.place)
    return file.before
  }

  /** Lets go of a file that has begun. */
  async close(): Promise<void> {
    if (this.#file) await this.#writer.places.close(this.#file.fd)
    this.#file = undefined
  }

  /** The next header, borrowed; undefined at the end, of whose two blocks one is read. */
  async #header(): Promise<Buffer | undefined> {
    const ahead = this.#reader.ahead(BLOCK)
    const whole = ahead && headerLength(ahead)
    if (whole && this.#reader.ahead(whole)) return this.#reader.take(whole)
    const first = Buffer.from(await this.#reader.take(BLOCK))
    const length = headerLength(first)
    return length === 0 ? undefined : Buffer.concat([first, await this.#reader.take(length - BLOCK)])
  }

  async #entry(entry: Entry, header: Buffer): Promise<void> {
    const before = this.standing
    const hash = chain(this.#chain, header)
    const next = { position: this.#position + header.byteLength, chain: hash, entries: this.#entries + 1 }
    // before anything is made: what does not come has not begun
    const content = isSmall(entry) ? await this.#content(entry) : undefined
    const place = await this.#writer.place(entry)
    if (content) {
      this.#unmade = before
      await this.#writer.makeWhole(place, entry, content)
      this.#unmade = undefined
    }
    this.#position = next.position + (content ? padded(entry.size) : 0)
    this.#chain = next.chain
    this.#entries = next.entries
    if (content) return this.#tellInTime()
    if (entry.type === 'directory') await this.#writer.makeDirectory(place, entry)
    else if (entry.type === 'link') await this.#writer.makeLink(place, entry)
    else {
      const fd = await this.#writer.makeFile(place, entry)
      this.#file = { entry, place, fd, written: 0, before }
      await this.#body()
    }
    await this.#tellInTime()
  }

  /** All of a small file, borrowed, wherever the pieces end. */
  async #content({ size }: Entry): Promise<Uint8Array> {
    const bytes = await this.#reader.take(padded(size))
    requireZeros(bytes.subarray(size))
    return bytes.subarray(0, size)
  }

  async #body(): Promise<void> {
    const file = this.#file as OpenFile
    const { entry, fd } = file
    while (file.written < entry.size) {
      const some = await this.#reader.some(entry.size - file.written)
      if (some === undefined) throw malformed('ends early')
      await this.#written(file, some)
      await this.#tellInTime()
    }
    const rest = padded(entry.size) - entry.size
    if (rest > 0) await this.#zeros(rest)
    await this.#writer.finishFile(fd, entry)
    this.#file = undefined
  }

  async #written(file: OpenFile, bytes: Uint8Array): Promise<void> {
    await this.#writer.write(file.fd, bytes, file.written, file.entry.sparse)
    file.written += bytes.byteLength
    this.#position += bytes.byteLength
  }

  async #end(): Promise<void> {
    await this.#zeros(BLOCK)
    if (await this.#reader.some(1)) throw malformed('goes on after its end')
    await this.#writer.finish()
  }

  async #zeros(count: number): Promise<void> {
    const bytes = await this.#reader.take(count)
    this.#position += count
    requireZeros(bytes)
  }

  async #tellInTime(): Promise<void> {
    if (this.#position - this.#told < TELL_EVERY) return
    this.#told = this.#position
    await this.#onStanding(this.standing)
  }
}

/** Whether a file is made in one go: its owner may write to it, and it has no holes. */
function isSmall({ type, size, sparse, mode }: Entry): boolean {
  return type === 'file' && size <= SMALL && !sparse && (mode & 0o600) === 0o600
}
