import { createCipheriv, randomBytes } from 'node:crypto'
import { encodeClear, MAGIC, METADATA } from '../../streams/header.ts'
import { encodeTlv } from '../../streams/tlv.ts'
import { encodeVarint } from '../../streams/varint.ts'
import { IV_BYTES, TAG_BYTES, u64 } from '../../workers/construction.ts'
import type { Recorded } from '../capture/write.ts'

/** Pipes as a bad system would send them: framed as sft's are (SPEC §7), sealed by a few lines of its own, and each with one thing wrong at most. */

export interface StreamOptions {
  readonly name: string
  /** Instead of a key of its own. */
  readonly key?: Uint8Array
  /** Chunks go as they are. */
  readonly clear?: boolean
  /** The metadata goes as it is. */
  readonly named?: boolean
}

const CHUNK_SIZE = 16 * 1024
const MODULUS_BYTES = 384
/** Any number: there is no port that means anything here. */
const PORT = 4433

export function badStream(file: Uint8Array, options: StreamOptions): Recorded {
  const key = options.key ?? randomBytes(32)
  const pieces: Uint8Array[] = [MAGIC, frame('STRM', header(options))]
  let index = 0
  for (let at = 0; at < file.byteLength; at += CHUNK_SIZE, index++) {
    const data = file.subarray(at, at + CHUNK_SIZE)
    pieces.push(frame('RSFL', u64(index), options.clear ? asItIs(data) : seal(key, index, data)))
  }
  pieces.push(frame('FINL', seal(randomBytes(32), index, Buffer.concat([u64(index), u64(file.byteLength), u64(0)]))))
  return { port: PORT, pieces: pieces.map(bytes => ({ dialler: true, bytes })) }
}

function header({ name, named }: StreamOptions): Uint8Array {
  const stanza = { hint: randomBytes(4), ciphertext: randomBytes(MODULUS_BYTES) }
  const clear = encodeClear({
    suite: 'aes-256-gcm',
    chunkSize: CHUNK_SIZE,
    variable: false,
    streamId: randomBytes(32),
    firstChunk: 0,
    stanzas: [stanza]
  })
  const metadata = encodeTlv(METADATA, { name, created: Date.now() })
  const tail = named ? asItIs(metadata) : seal(randomBytes(32), 0, metadata)
  return Buffer.concat([clear, randomBytes(32), tail])
}

function seal(key: Uint8Array, index: number, data: Uint8Array): Buffer {
  const nonce = Buffer.alloc(IV_BYTES)
  nonce.writeUInt32BE(index, IV_BYTES - 4)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()])
}

const asItIs = (data: Uint8Array): Buffer => Buffer.concat([data, randomBytes(TAG_BYTES)])

function frame(type: string, ...body: Uint8Array[]): Buffer {
  const rest = Buffer.concat([Buffer.from(type, 'latin1'), ...body])
  return Buffer.concat([encodeVarint(rest.byteLength), rest])
}
