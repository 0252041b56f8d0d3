import {
  brotliDecompressSync,
  createBrotliDecompress,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  inflateRawSync,
  inflateSync,
  constants as zlib,
  zstdDecompressSync
} from 'node:zlib'
import { bufferOf } from '../capture/packet.ts'
import type { Decoded } from './views.ts'

/**
 * What bytes inflate to, where something compressed begins in them: at the marks of gzip, zlib and zstd wherever they stand, and as raw deflate and brotli, which have no mark, at
 * the starts of messages. A little of it is inflated first; what goes on without an error is inflated until it ends or breaks off.
 */

/** Input that is tried first, and what may come out of it: of random bytes nearly none go on or end there. */
const TRY_BYTES = 512
const MAX_TRY_OUTPUT = 64 << 10
/** Of a capture what is inflated is so many bytes and so many times its size, and no more than the last of these. */
const LEAST_OUTPUT = 32 << 20
const TIMES = 32
const MOST_OUTPUT = 1 << 30
/** What a name or comment of gzip has at most. */
const MAX_GZIP_TEXT = 64 << 10
/** Bytes that are looked through at a time, with those that a name or window could begin in. */
const PIECE = 1 << 20
const OVERLAP = 8 * 1024

/**
 * What may be spent on one capture: whoever fills one with marks of compression can not keep us busy. 512 MiB of ciphertext have 33,000 by chance.
 */
export class Budget {
  /** At places without a mark, with each of two methods: 512 MiB of sft have 130,000 in chunks of 16 KiB, and it takes 40 µs each. */
  #starts = 400_000
  #attempts = 100_000
  #streams = 5_000
  #output: number
  /** Whether something was left that should have been looked into. */
  exhausted = false

  /** @param bytes of the capture */
  constructor(bytes = 0) {
    this.#output = Math.min(MOST_OUTPUT, LEAST_OUTPUT + TIMES * bytes)
  }

  mayStart(): boolean {
    return this.#take(this.#starts--)
  }

  mayTry(): boolean {
    return this.#take(this.#attempts--)
  }

  mayInflate(): boolean {
    return this.#take(this.#streams--) && this.#take(this.#output)
  }

  /** Whether more may come out of where so many bytes came out of. */
  mayGoOn(bytes: number): boolean {
    this.#output -= bytes
    return this.#take(this.#output)
  }

  #take(left: number): boolean {
    if (left <= 0) this.exhausted = true
    return left > 0
  }
}

/** What a claim says of it. */
export const NOT_ALL_INFLATED =
  'There are more places where something compressed may begin, or more comes out of what is compressed, than is looked through: not all of it was.'

interface Method {
  readonly how: string
  /** What a first part inflates to; throws where it does not. */
  readonly attempt: (input: Uint8Array, options: object) => unknown
  readonly finishFlush: number
  readonly stream: (options: object) => NodeJS.ReadWriteStream
  /** Whether it is gone on with where a try is not compressed, which among random bytes is rare. */
  readonly goesOnStored?: boolean
  /** Whether its mark is enough: its blocks are longer than a try. */
  readonly certain?: boolean
}

interface Candidate {
  /** Where its mark is. */
  readonly at: number
  readonly methods: readonly Method[]
}

const SYNC = zlib.Z_SYNC_FLUSH
const DEFLATE = {
  how: 'deflate',
  attempt: inflateRawSync,
  finishFlush: SYNC,
  stream: createInflateRaw,
  goesOnStored: true
} as Method
const ZLIB = { ...DEFLATE, how: 'zlib', attempt: inflateSync, stream: createInflate } as Method
const GZIP = { ...DEFLATE, how: 'gzip' }
const BROTLI = {
  how: 'brotli',
  attempt: brotliDecompressSync,
  finishFlush: zlib.BROTLI_OPERATION_FLUSH,
  stream: createBrotliDecompress
} as Method
const ZSTD = {
  how: 'zstd',
  attempt: zstdDecompressSync,
  finishFlush: zlib.ZSTD_e_flush,
  stream: createZstdDecompress,
  certain: true
} as Method
const UNMARKED = [DEFLATE, BROTLI]

export async function* inflations(
  bytes: Uint8Array,
  starts: readonly number[],
  budget: Budget
): AsyncGenerator<Decoded> {
  for (const { at, from, method, first, isWhole } of beginnings(bytes, starts, budget)) {
    const decoded = { how: `compressed with ${method.how}`, inflated: true, origin: () => at }
    // the stream has no word for what came in the last few KiB before an error
    yield { ...decoded, bytes: first }
    if (isWhole || !budget.mayInflate()) continue
    for await (const piece of inflated(method, bytes.subarray(from))) {
      yield { ...decoded, bytes: piece }
      if (!budget.mayGoOn(piece.byteLength)) break
    }
  }
}

/** Where something compressed begins, and what its first bytes inflate to. */
export function* beginnings(bytes: Uint8Array, starts: readonly number[], budget: Budget) {
  for (const { at, methods } of candidates(bytes, starts))
    for (const method of methods) {
      if (!(methods === UNMARKED ? budget.mayStart() : budget.mayTry())) continue
      const from = startOf(bytes, at, method)
      const first = attempted(method, bytes.subarray(from, from + TRY_BYTES))
      if (first) yield { at, from, method, ...first }
    }
}

/** Where what is inflated begins, behind a mark at `at`; the end if there is nothing. */
const startOf = (bytes: Uint8Array, at: number, method: Method): number =>
  method === GZIP ? (behindGzipHeader(bytes, at) ?? bytes.byteLength) : at

function* candidates(bytes: Uint8Array, starts: readonly number[]): Generator<Candidate> {
  for (const at of starts) yield { at, methods: UNMARKED }
  for (let at = 0; at + 8 < bytes.byteLength; at++) {
    const first = bytes[at]
    if (first !== 0x1f && first !== 0x78 && first !== 0x28) continue
    const found = markedAt(bytes, at)
    if (found) yield found
  }
}

/** RFC 1952 §2.3, RFC 1950 §2.2, RFC 8878 §3.1.1. */
function markedAt(bytes: Uint8Array, at: number): Candidate | undefined {
  const [first = 0, second = 0, third, fourth = 0] = bytes.subarray(at, at + 4)
  if (first === 0x1f) return second === 0x8b && third === 8 && fourth < 0x20 ? { at, methods: [GZIP] } : undefined
  if (first === 0x28) return second === 0xb5 && third === 0x2f && fourth === 0xfd ? { at, methods: [ZSTD] } : undefined
  return ((first << 8) | second) % 31 === 0 && (second & 0x20) === 0 ? { at, methods: [ZLIB] } : undefined
}

/** Behind extra field, name, comment and checksum, those that the flags say. */
function behindGzipHeader(bytes: Uint8Array, at: number): number | undefined {
  const flags = bytes[at + 3] as number
  let end = at + 10
  if (flags & 4) end += 2 + (bytes[end] ?? 0) + 256 * (bytes[end + 1] ?? 0)
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue
    const length = bytes.subarray(end, end + MAX_GZIP_TEXT).indexOf(0)
    if (length < 0) return undefined
    end += length + 1
  }
  return end + (flags & 2)
}

interface First {
  readonly first: Uint8Array
  /** Whether it ends there. */
  readonly isWhole: boolean
}

const NOTHING = new Uint8Array(0)

/** What the first bytes inflate to; nothing if that is not more than chance. */
function attempted(
  { attempt, finishFlush, goesOnStored = false, certain = false }: Method,
  input: Uint8Array
): First | undefined {
  try {
    const options = { finishFlush, maxOutputLength: MAX_TRY_OUTPUT, info: true }
    const { buffer, engine } = attempt(input, options) as { buffer: Buffer; engine: { bytesWritten: number } }
    if (certain) return { first: buffer, isWhole: false }
    if (buffer.byteLength === 0) return undefined
    // what has not ended eats all that there is
    const isWhole = engine.bytesWritten < input.byteLength
    // what is only stored is there to be seen as it is, but what comes behind it may be compressed
    if (!bufferOf(input).includes(buffer)) return { first: buffer, isWhole }
    return isWhole || !goesOnStored ? undefined : { first: NOTHING, isWhole }
  } catch (error) {
    if (!isOfZlib(error)) throw error
    // more than the room for a try comes out of it: that is something compressed
    const goesOn = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    return goesOn ? { first: NOTHING, isWhole: false } : undefined
  }
}

/** What comes before the end or an error, in pieces that begin with the end of the one before. */
async function* inflated({ stream: open, finishFlush }: Method, input: Uint8Array): AsyncGenerator<Uint8Array> {
  const stream = open({ finishFlush })
  let held: Buffer[] = []
  let size = 0
  stream.end(input)
  try {
    for await (const part of stream as unknown as AsyncIterable<Buffer>) {
      held.push(part)
      size += part.byteLength
      if (size < PIECE) continue
      const piece = Buffer.concat(held)
      yield piece
      held = [piece.subarray(-OVERLAP)]
      size = OVERLAP
    }
  } catch (error) {
    // it breaks off here: what came before is looked at
    if (!isOfZlib(error)) throw error
  }
  yield Buffer.concat(held)
}

/** zlib, brotli and zstd each have codes of their own for bytes that are not theirs, and a number beside them. */
const isOfZlib = (error: unknown): boolean =>
  typeof (error as NodeJS.ErrnoException).errno === 'number' ||
  (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
