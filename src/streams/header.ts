import {
  FILE_ID_BYTES,
  isChunkSize,
  MAX_CHUNK_SIZE,
  MAX_STREAM_BYTES,
  MIN_CHUNK_SIZE,
  STRICT_CHUNK_SIZE,
  SUITE_IDS,
  SUITES,
  type Suite,
  u64
} from '../workers/construction.ts'
import { SftError } from './errors.ts'
import { type Message, optional, required } from './tlv.ts'

/** Codec of the stream header, the body of `STRM` (SPEC §7.1). The parser returns what it did not eat: the tail. */

export const MAGIC = Uint8Array.from([0x89, 0x53, 0x46, 0x54, 0x0d, 0x0a, 0x1a, 0x0a])
export const VERSION = 1
export const STREAM_ID_BYTES = 32
export const COMMITMENT_BYTES = 32
export const HINT_BYTES = 4
export const MAX_STANZAS = 64
/** Beyond, a stream of the smallest chunks would be larger than a stream can be (SPEC §7.4). */
const MAX_FIRST_CHUNK = MAX_STREAM_BYTES / MIN_CHUNK_SIZE
const KEM_RSA_OAEP = 1
const FLAG_VARIABLE = 1

/** The stream key, wrapped to one recipient. */
export interface Stanza {
  readonly hint: Uint8Array
  readonly ciphertext: Uint8Array
}

export interface StreamHeader {
  readonly suite: Suite
  /** Bytes a chunk. */
  readonly chunkSize: number
  /** Chunks vary in size: the source is no regular file. */
  readonly variable: boolean
  readonly streamId: Uint8Array
  readonly firstChunk: number
  readonly stanzas: readonly Stanza[]
}

export interface ParsedHeader extends StreamHeader {
  readonly commitment: Uint8Array
  /** The bytes up to the commitment; their hash is `H0`. */
  readonly clear: Uint8Array
  /** The bytes up to the tail: what the sealed part is bound to. */
  readonly bound: Uint8Array
  /** What follows the clear part: sealed in a pipe, metadata in a session. */
  readonly tail: Uint8Array
}

/** What a sender says of its source (SPEC §7.1). */
export const METADATA = {
  name: optional(1, 'text', { max: 255 }),
  size: optional(2, 'int'),
  mtime: optional(3, 'int'),
  mode: optional(4, 'int'),
  created: required(5, 'int'),
  /** Which state of which file it is, in the words of its sender (SPEC §8.4). */
  fileId: optional(6, 'bytes', { size: FILE_ID_BYTES }),
  /** What the bytes are: 1 the archive of a directory (SPEC §8.5); absent, a file. */
  kind: optional(7, 'int'),
  /** 1: the file has holes (M91). Readers may do without it. */
  holes: optional(0x81, 'int')
} as const
export type Metadata = Message<typeof METADATA>

/** Encodes the clear part up to the commitment. */
export function encodeClear(header: StreamHeader): Uint8Array {
  const stanzas = header.stanzas.flatMap(({ hint, ciphertext }) => [
    Uint8Array.of(KEM_RSA_OAEP),
    hint,
    Uint8Array.of(ciphertext.byteLength >> 8, ciphertext.byteLength & 0xff),
    ciphertext
  ])
  return Buffer.concat([
    Uint8Array.of(VERSION, SUITE_IDS[header.suite], Math.log2(header.chunkSize), header.variable ? FLAG_VARIABLE : 0),
    header.streamId,
    u64(header.firstChunk),
    Uint8Array.of(header.stanzas.length),
    ...stanzas
  ])
}

/**
 * Parses the body of `STRM`. Views into `body`, no copies.
 *
 * @throws SftError ERR_SFT_VERSION, ERR_SFT_HEADER (M25, M161, M164).
 */
export function parseHeader(body: Uint8Array): ParsedHeader {
  const reader = new Reader(body)
  if (reader.u8() !== VERSION) throw new SftError('ERR_SFT_VERSION', 'stream has a version that this sft does not know')
  const suite = parseSuite(reader.u8())
  const chunkSize = 2 ** reader.u8()
  if (!isChunkSize(chunkSize) || chunkSize > largestChunk(suite)) throw headerError('chunk size is out of range')
  const flags = reader.u8()
  if (flags > FLAG_VARIABLE) throw headerError('unknown flag')
  const streamId = reader.bytes(STREAM_ID_BYTES)
  const firstChunk = reader.u64()
  if (firstChunk > MAX_FIRST_CHUNK) throw headerError('first chunk is out of range')
  const stanzas = parseStanzas(reader)
  if (suite === 'rsa-oaep' && stanzas.length > 1)
    throw headerError('a stream of blocks under one key can not be for several')
  const clear = reader.eaten()
  const commitment = reader.bytes(COMMITMENT_BYTES)
  const variable = flags === FLAG_VARIABLE
  return {
    suite,
    chunkSize,
    variable,
    streamId,
    firstChunk,
    stanzas,
    clear,
    commitment,
    bound: reader.eaten(),
    tail: reader.rest()
  }
}

/** Bytes of a chunk at most: one of blocks is a task of as many private operations (M161). */
function largestChunk(suite: Suite): number {
  return suite === 'rsa-oaep' ? STRICT_CHUNK_SIZE : MAX_CHUNK_SIZE
}

function parseSuite(id: number): Suite {
  const suite = SUITES.find(name => SUITE_IDS[name] === id)
  if (suite === undefined) throw headerError('unknown suite')
  return suite
}

function parseStanzas(reader: Reader): Stanza[] {
  const count = reader.u8()
  if (count > MAX_STANZAS) throw headerError(`more than ${MAX_STANZAS} stanzas`)
  return Array.from({ length: count }, () => {
    if (reader.u8() !== KEM_RSA_OAEP) throw headerError('unknown way to wrap a key')
    const hint = reader.bytes(HINT_BYTES)
    return { hint, ciphertext: reader.bytes(reader.u16()) }
  })
}

class Reader {
  readonly #body: Uint8Array
  #offset = 0

  constructor(body: Uint8Array) {
    this.#body = body
  }

  bytes(count: number): Uint8Array {
    const end = this.#offset + count
    if (end > this.#body.byteLength) throw headerError('stream header ends early')
    const taken = this.#body.subarray(this.#offset, end)
    this.#offset = end
    return taken
  }

  u8(): number {
    return this.bytes(1)[0] as number
  }

  u16(): number {
    return this.u8() * 256 + this.u8()
  }

  u64(): number {
    return Number(this.bytes(8).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n))
  }

  eaten(): Uint8Array {
    return this.#body.subarray(0, this.#offset)
  }

  rest(): Uint8Array {
    return this.#body.subarray(this.#offset)
  }
}

function headerError(message: string): SftError {
  return new SftError('ERR_SFT_HEADER', message)
}
