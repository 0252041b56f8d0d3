import { isUtf8 } from 'node:buffer'
import { brotliCompressSync, constants, deflateRawSync, zstdCompressSync } from 'node:zlib'
import type { Known } from '../model.ts'
import { WINDOW } from './anchors.ts'
import { count } from './claim.ts'
import { LOT } from './lots.ts'
import { sum } from './parts.ts'
import type { Stretch } from './window-index.ts'

/** What a file that is known looks like on the wire: as it is, compressed, and if it is text in other encodings. */

export type File = NonNullable<Known['plain']>[number]

export interface Source extends Stretch {
  readonly file: File
  /** `as it is`, or how it was compressed. */
  readonly form: string
}

/** A file of more is not compressed with brotli 11, which takes a second for each. */
const MAX_BROTLI_11 = 1 << 20
/** Whether there is anything of it to look for. */
export const isLong = ({ bytes }: File): boolean => bytes.byteLength >= WINDOW

/** Why nothing can be looked for, where no file is long. */
export function noFileOf(files: readonly File[]): string {
  if (files.length === 0) return 'No file was given to look for.'
  return `Of ${count(files.length, 'file')} that ${files.length === 1 ? 'was' : 'were'} given, none has ${WINDOW} bytes: there is nothing to look for.`
}

export const sourceOf = (file: File, bytes: Uint8Array, form: string, header = 0): Source => ({
  file,
  bytes,
  form,
  // of a tiny file there can be less than the longest header
  from: Math.min(header, bytes.byteLength),
  to: bytes.byteLength
})

/** Whether so many bytes of text are looked for in UTF-16: in one lot, since each has twice as many there, in both byte orders. */
export const areRecoded = (files: readonly File[]): boolean =>
  sum(files.map(({ bytes }) => bytes.byteLength)) <= LOT / 4

/** What each file compresses to, without the headers that all of a format have, and its text in other encodings, as many bytes together as can be indexed at once. */
export function* otherLots(files: readonly File[]): Generator<Source[]> {
  let lot: Source[] = []
  let held = 0
  const isRecoded = areRecoded(files)
  for (const file of files.filter(isLong))
    for (const source of formsOf(file, isRecoded)) {
      if (held > 0 && held + source.to > LOT) {
        yield lot
        lot = []
        held = 0
      }
      lot.push(source)
      held += source.to
    }
  if (lot.length > 0) yield lot
}

/** The longest header of a brotli stream, and of a zstd frame with its first block (RFC 7932 §9.1, RFC 8878 §3.1.1). */
const BROTLI_HEADER = 4
const ZSTD_HEADER = 21

function* compressed(file: File): Generator<Source> {
  const { bytes } = file
  for (const level of [1, 6, 9])
    yield sourceOf(file, deflateRawSync(bytes, { level }), `compressed with deflate ${level}`)
  for (const quality of bytes.byteLength > MAX_BROTLI_11 ? [4] : [4, 11]) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength }
    yield sourceOf(file, brotliCompressSync(bytes, { params }), `compressed with brotli ${quality}`, BROTLI_HEADER)
  }
  yield sourceOf(file, zstdCompressSync(bytes), 'compressed with zstd', ZSTD_HEADER)
}

function* formsOf(file: File, isRecoded: boolean): Generator<Source> {
  yield* compressed(file)
  if (isRecoded) yield* recoded(file)
}

/** Text in UTF-8 as UTF-16, in either byte order; in UTF-16 as UTF-8 and in the other one. What is made of ASCII with zeros can be both. */
function* recoded(file: File): Generator<Source> {
  const bytes = Buffer.from(file.bytes)
  const text = wholeLetters(bytes)
  if (isUtf8(text) && isText(text.toString())) {
    const wide = Buffer.from(text.toString(), 'utf16le')
    yield sourceOf(file, wide, 'in UTF-16')
    yield sourceOf(file, Buffer.from(wide).swap16(), 'in UTF-16')
  }
  if (isUtf8(text) && !text.includes(0)) return
  const even = bytes.subarray(0, bytes.byteLength & ~1)
  const swapped = Buffer.from(even).swap16()
  const letters = (isBigEndian(even) ? swapped : even).toString('utf16le').replace(/[\uD800-\uDBFF]$/, '')
  if (!letters.isWellFormed() || !isText(letters)) return
  yield sourceOf(file, Buffer.from(letters), 'in UTF-8')
  yield sourceOf(file, swapped, 'in UTF-16 of the other byte order')
}

/** Zeros are no text, and would be slow to index; a few may stand in one. */
function isText(letters: string): boolean {
  let left = letters.length >>> 4
  for (let at = letters.indexOf('\0'); at >= 0 && left >= 0; at = letters.indexOf('\0', at + 1)) left--
  return left >= 0
}

/** Without the letter in UTF-8 that it ends in the middle of (RFC 3629 §3). */
function wholeLetters(bytes: Buffer): Buffer {
  let first = bytes.byteLength - 1
  while (first >= bytes.byteLength - 3 && ((bytes[first] ?? 0) & 0xc0) === 0x80) first--
  const lead = bytes[first] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return first + length > bytes.byteLength ? bytes.subarray(0, first) : bytes
}

/** The upper byte of blanks, digits and line breaks is 0 in any script. */
function isBigEndian(bytes: Uint8Array): boolean {
  let first = 0
  for (let at = 0; at < bytes.byteLength; at++) if (bytes[at] === 0) first += at % 2 === 0 ? 1 : -1
  return first > 0
}
