import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { type Entry, MAX_PATH_BYTES } from './entry.ts'

/**
 * The form of a directory on its way (SPEC §8.5): a POSIX pax archive, which `tar x` reads as well. Each entry has one encoding, so a header is parsed by
 * what it must be, and refused unless it would be written just so. Archive libraries know names as Unicode text, and can not begin in the middle.
 */

export const BLOCK = 512
/** Two blocks of zeros. */
export const END = new Uint8Array(2 * BLOCK)
/** A path and a target of 4,096 bytes, and the other records. */
const MAX_RECORDS = 2 * MAX_PATH_BYTES + 512
const NAME_BYTES = 100
/** From here on ustar has no digits for it. */
const LARGE = 0o100000000000
const TYPES = { file: '0', link: '2', directory: '5' } as const
const NS = 1_000_000_000n
const OMITTED = 'SFT.omitted'
const MAGIC = 'ustar\x0000'
/** Behind the last field that is written; the rest of a block is zeros. */
const FIELDS_END = 345

interface Block {
  readonly name: string
  readonly mode: number
  readonly size: number
  readonly mtime: number
  readonly type: string
  readonly link?: string
  /** Ours for "has holes"; `tar` looks at it for devices only. */
  readonly sparse?: boolean
}

/** Encodes what comes before the bytes of an entry: its extended header and its header, whole blocks. */
export function encodeEntry(entry: Entry): Buffer {
  const { path, type, mode, mtime, size, sparse, target } = entry
  const name = type === 'directory' ? `${path}/` : path
  const seconds = Number(mtime / NS)
  const header = extended('x', recordsOf(entry, name), BLOCK)
  putBlock(header.subarray(-BLOCK), {
    name: name.slice(0, NAME_BYTES),
    mode,
    size: size < LARGE ? size : 0,
    mtime: seconds >= 0 && seconds < LARGE ? seconds : 0,
    type: TYPES[type],
    link: target.slice(0, NAME_BYTES),
    sparse
  })
  return header
}

/** Encodes the word, last before the end, that so many entries had to be left out (M71). */
export function encodeOmitted(count: number): Buffer {
  return extended('g', record(OMITTED, String(count)))
}

/**
 * How long the header is that begins with this block, in bytes: it names the size of its records, which is bounded before any memory is taken.
 *
 * @returns 0 for a block of zeros, of which an archive ends with two
 * @throws SftError ERR_SFT_ENCODING
 */
export function headerLength(first: Buffer): number {
  const type = String.fromCharCode(first[156] as number)
  if (type === '\0' && first.every(byte => byte === 0)) return 0
  const size = octal(first, 124)
  if ((type !== 'x' && type !== 'g') || size > MAX_RECORDS) throw malformed()
  return BLOCK + padded(size) + (type === 'x' ? BLOCK : 0)
}

/**
 * Decodes a whole header: an entry, or how many were left out.
 *
 * @throws SftError ERR_SFT_ENCODING for anything but the one encoding (M67)
 */
export function decodeHeader(header: Buffer): Entry | { readonly omitted: number } {
  const records = parseRecords(header.toString('latin1', BLOCK, BLOCK + octal(header, 124)))
  const global = header[156] === 'g'.charCodeAt(0)
  const found = global ? { omitted: Number(records.get(OMITTED)) } : parseEntry(header.subarray(-BLOCK), records)
  const again = 'omitted' in found ? encodeOmitted(found.omitted) : encodeEntry(found)
  if (!again.equals(header)) throw malformed()
  return found
}

/** Bytes with what fills the last block. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK
}

/** What tells the first entries of an archive from those of any other: a chain of hashes over their headers (SPEC §8.5). */
export function chain(before: Uint8Array, header: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([before, header]), 'buffer')
}

/** Of no entry. */
export const CHAIN_START = new Uint8Array(32)

function recordsOf({ mtime, ctime, size, target }: Entry, name: string): string {
  const binary = isText(name) && isText(target) ? '' : record('hdrcharset', 'BINARY')
  const path = fits(name) ? '' : record('path', name)
  const link = fits(target) ? '' : record('linkpath', target)
  const large = size < LARGE ? '' : record('size', String(size))
  return `${binary}${path}${link}${large}${record('mtime', decimal(mtime))}${record('ctime', decimal(ctime))}`
}

function isText(bytes: string): boolean {
  return fits(bytes) || isUtf8(Buffer.from(bytes, 'latin1'))
}

/** Whether the plain header has room for it, in characters that every reader takes alike. */
function fits(bytes: string): boolean {
  return bytes.length <= NAME_BYTES && /^[\x20-\x7e]*$/.test(bytes)
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length > length) length++
  return `${length}${rest}`
}

/** A time as pax has it, always with nine digits. */
function decimal(ns: bigint): string {
  const sign = ns < 0n ? '-' : ''
  const size = ns < 0n ? -ns : ns
  return `${sign}${size / NS}.${String(size % NS).padStart(9, '0')}`
}

/** An extended header, and room behind it. Many of them share memory: a buffer of its own for each took longer than all that is written into it. */
function extended(type: 'x' | 'g', records: string, room = 0): Buffer {
  const bytes = Buffer.allocUnsafe(BLOCK + padded(records.length) + room)
  bytes.set(extendedBlock(type, records.length))
  bytes.fill(0, BLOCK + records.length).write(records, BLOCK, 'latin1')
  return bytes
}

/** The block that was made last: most entries of a tree have records of one length. */
let made = { type: '', size: 0, block: Buffer.alloc(0) }

function extendedBlock(type: 'x' | 'g', size: number): Buffer {
  if (made.type === type && made.size === size) return made.block
  const block = Buffer.alloc(BLOCK)
  putBlock(block, { name: 'PaxHeaders/entry', mode: 0o600, size, mtime: 0, type })
  made = { type, size, block }
  return block
}

/** Writes a header into the zeros at the beginning of `header`. */
function putBlock(header: Buffer, { name, mode, size, mtime, type, link = '', sparse = false }: Block): void {
  const put = (offset: number, text: string): number => header.write(text, offset, 'latin1')
  const number = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`
  put(0, name)
  put(100, number(mode, 7))
  put(108, number(0, 7))
  put(116, number(0, 7))
  put(124, number(size, 11))
  put(136, number(mtime, 11))
  put(148, ' '.repeat(8))
  put(156, type)
  put(157, link)
  put(257, MAGIC)
  put(329, number(sparse ? 1 : 0, 7))
  put(337, number(0, 7))
  let sum = 0
  for (let offset = 0; offset < FIELDS_END; offset++) sum += header[offset] as number
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `)
}

function parseEntry(header: Buffer, records: ReadonlyMap<string, string>): Entry {
  const type = (Object.keys(TYPES) as Entry['type'][]).find(
    each => TYPES[each] === String.fromCharCode(header[156] as number)
  )
  if (type === undefined) throw malformed()
  const name = records.get('path') ?? text(header, 0)
  return {
    path: type === 'directory' ? name.slice(0, -1) : name,
    type,
    mode: octal(header, 100, 7),
    mtime: nanoseconds(records.get('mtime')),
    ctime: nanoseconds(records.get('ctime')),
    size: Number(records.get('size') ?? octal(header, 124)),
    sparse: octal(header, 329, 7) === 1,
    target: records.get('linkpath') ?? text(header, 157)
  }
}

/** Records in their order; that each is there once and well, encoding them again tells. */
function parseRecords(body: string): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let offset = 0; offset < body.length; ) {
    const space = body.indexOf(' ', offset)
    const length = Number(body.slice(offset, space))
    const equals = body.indexOf('=', space)
    if (space < 0 || equals < 0 || !(length > 0)) throw malformed()
    records.set(body.slice(space + 1, equals), body.slice(equals + 1, offset + length - 1))
    offset += length
  }
  return records
}

function nanoseconds(text: string | undefined): bigint {
  const match = /^(-?)(\d{1,12})\.(\d{9})$/.exec(text ?? '')
  if (!match) throw malformed()
  const [, sign, seconds = '', rest = ''] = match
  const size = BigInt(seconds) * NS + BigInt(rest)
  return sign ? -size : size
}

function octal(header: Buffer, offset: number, digits = 11): number {
  const found = header.toString('latin1', offset, offset + digits)
  if (!/^[0-7]+$/.test(found)) throw malformed()
  return Number.parseInt(found, 8)
}

function text(header: Buffer, offset: number): string {
  const field = header.toString('latin1', offset, offset + NAME_BYTES)
  const end = field.indexOf('\0')
  return end < 0 ? field : field.slice(0, end)
}

/** An archive that is none. */
export function malformed(how = 'is malformed'): SftError {
  return new SftError('ERR_SFT_ENCODING', `the archive of a directory ${how}`)
}

/** @throws SftError ERR_SFT_ENCODING for bytes that fill up or end an archive and are no zeros */
export function requireZeros(bytes: Uint8Array): void {
  if (bytes.some(byte => byte !== 0)) throw malformed()
}
