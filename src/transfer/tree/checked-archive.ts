import { SftError } from '../../streams/errors.ts'
import type { Stage } from '../../streams/types.ts'
import { refuse } from '../../streams/write-file.ts'
import type { Destination, Written } from '../destination.ts'
import { BLOCK, decodeHeader, END, headerLength, malformed, padded, requireZeros } from './archive.ts'
import { type Entry, TREE } from './entry.ts'
import { ABOVE, placeAfter, requireTop, type Step } from './order.ts'

/**
 * The same bytes, for who hands an archive on and does not unpack it: whatever reads it (`tar x`) follows names and links where they lead. No piece leaves before every header that
 * ends in it has been checked (SPEC §8.5, M92). Memory: one header.
 *
 * @param counts what was in it, once it is over
 * @throws SftError ERR_SFT_ENCODING
 */
export function checkedArchive(counts: { tree?: Written['tree'] }): Stage<Uint8Array, Uint8Array> {
  return async function* (source) {
    const look = new ArchiveLook()
    for await (const piece of source) {
      look.at(piece)
      yield piece
    }
    counts.tree = look.end()
  }
}

/** The same destination, for the archive of a directory as it is: only such a one goes there, and what was in it is told. */
export function checked(destination: Destination): Destination {
  return {
    ...destination,
    sink: (metadata, start) => async source => {
      if (metadata.kind !== TREE) return refuse(source, new SftError('ERR_SFT_PROTOCOL', 'the peer sends no directory'))
      const counts = {}
      const written = await destination.sink(metadata, start)(checkedArchive(counts)(source))
      return { ...written, ...counts }
    }
  }
}

class ArchiveLook {
  readonly #way: Step[] = [{ ...ABOVE }]
  #header: Buffer = Buffer.alloc(0)
  /** Bytes of the header that is being read; 0 before its first block is there. */
  #length = 0
  /** Bytes of a file still to come, and of zeros behind it. */
  #body = 0
  #padding = 0
  #entries = 0
  #omitted = 0
  /** Zeros that have come of the two blocks at the end. */
  #ended = 0

  at(piece: Uint8Array): void {
    for (let offset = 0; offset < piece.byteLength; ) {
      const body = Math.min(this.#body, piece.byteLength - offset)
      this.#body -= body
      offset += body
      if (offset < piece.byteLength) offset += this.#take(piece.subarray(offset))
    }
  }

  end(): { entries: number; omitted: number } {
    if (this.#ended !== END.byteLength) throw malformed('ends early')
    requireTop(this.#way)
    return { entries: this.#entries, omitted: this.#omitted }
  }

  /** Takes what belongs to a header, or to the end; how many bytes that was. */
  #take(bytes: Uint8Array): number {
    if (this.#ended > 0) return this.#takeEnd(bytes)
    if (this.#padding > 0) return this.#takePadding(bytes)
    const some = bytes.subarray(0, (this.#length || BLOCK) - this.#header.byteLength)
    this.#header = Buffer.concat([this.#header, some])
    if (this.#length === 0 && this.#header.byteLength === BLOCK) this.#begin()
    if (this.#header.byteLength === this.#length) this.#decoded()
    return some.byteLength
  }

  #begin(): void {
    this.#length = headerLength(this.#header)
    if (this.#length > 0) return
    this.#header = Buffer.alloc(0)
    this.#ended = BLOCK
  }

  #decoded(): void {
    if (this.#length === 0) return
    if (this.#omitted > 0) throw malformed('goes on after its end')
    const found = decodeHeader(this.#header)
    this.#header = Buffer.alloc(0)
    this.#length = 0
    if ('omitted' in found) this.#omitted = found.omitted
    else this.#entry(found)
  }

  #entry(entry: Entry): void {
    const { depth, name } = placeAfter(this.#way, entry)
    this.#way.length = depth
    const parent = this.#way.at(-1) as Step
    parent.last = name
    if (entry.type === 'directory') this.#way.push({ name, last: '' })
    this.#body = entry.size
    this.#padding = padded(entry.size) - entry.size
    this.#entries++
  }

  #takeEnd(bytes: Uint8Array): number {
    this.#ended += bytes.byteLength
    if (this.#ended > END.byteLength) throw malformed('goes on after its end')
    requireZeros(bytes)
    return bytes.byteLength
  }

  #takePadding(bytes: Uint8Array): number {
    const some = bytes.subarray(0, this.#padding)
    requireZeros(some)
    this.#padding -= some.byteLength
    return some.byteLength
  }
}
