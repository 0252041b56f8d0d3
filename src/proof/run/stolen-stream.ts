import { createDecipheriv, createHash, hkdfSync, type KeyObject } from 'node:crypto'
import { type ParsedHeader, parseHeader } from '../../streams/header.ts'
import { INDEX_BYTES, KEY_BYTES, TAG_BYTES } from '../../workers/construction.ts'
import { frameBody } from '../dissect/frame-body.ts'
import type { Dissected, Frame } from '../model.ts'
import { oaepMessage, privateOperation } from './rsa-opened.ts'

/** A stream whose header anybody can read, and whose key is wrapped to a key that was stolen: opened from nothing but SPEC §7 and the bytes on the wire. */

const CIPHERS = {
  'aes-256-gcm': 'aes-256-gcm',
  'rsa-oaep': 'aes-256-gcm',
  'chacha20-poly1305': 'chacha20-poly1305'
} as const
const GROUP_BITS = 16n

/** The header that a frame is, whatever its type says; undefined if it is none, as nearly every sealed one. */
export function headerIn({ connection }: Dissected, frame: Frame): ParsedHeader | undefined {
  try {
    const header = parseHeader(frameBody(connection[frame.direction], frame))
    return header.stanzas.length > 0 ? header : undefined
  } catch {
    return undefined
  }
}

/** The key of a stream, if the stolen one opens a stanza of it. */
export function unwrapped({ stanzas, streamId }: ParsedHeader, stolen: KeyObject): Buffer | undefined {
  const label = Buffer.concat([Buffer.from('sft/1 wrap', 'latin1'), streamId])
  for (const { ciphertext } of stanzas) {
    const block = privateOperation(stolen, ciphertext)
    const key = block && oaepMessage(block, 'sha256', label)
    if (key?.byteLength === KEY_BYTES) return key
  }
  return undefined
}

/** What its chunks say: those that stand behind the header in the same direction. One that does not open ends it. */
export function plaintextOf(dissected: Dissected, at: Frame, header: ParsedHeader, key: Buffer): Buffer {
  const flow = dissected.connection[at.direction]
  const pieces: Buffer[] = []
  for (const frame of dissected.frames) {
    if (frame.direction !== at.direction || frame.at <= at.at || frame.label !== 'RSFL') continue
    const piece = openChunk(frameBody(flow, frame), header, key)
    if (piece === undefined) break
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function openChunk(body: Uint8Array, header: ParsedHeader, key: Buffer): Buffer | undefined {
  if (body.byteLength < INDEX_BYTES + TAG_BYTES) return undefined
  const index = body.subarray(0, INDEX_BYTES)
  const number = Buffer.from(index).readBigUInt64BE()
  const group = Buffer.alloc(4)
  group.writeUInt32BE(Number((number >> GROUP_BITS) & 0xffff_ffffn))
  const h0 = createHash('sha256').update(header.clear).digest()
  const info = Buffer.concat([Buffer.from('sft/1 chunk', 'latin1'), h0, group])
  const secret = Buffer.from(hkdfSync('sha256', key, header.streamId, info, 44))
  const nonce = secret.subarray(KEY_BYTES)
  nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ number, 4)
  // both ciphers are AEADs with a tag of 16 bytes: one name is enough for the types
  const cipher = CIPHERS[header.suite] as 'aes-256-gcm'
  const open = createDecipheriv(cipher, secret.subarray(0, KEY_BYTES), nonce, { authTagLength: TAG_BYTES })
  open.setAAD(Buffer.concat([Buffer.from('RSFL', 'latin1'), index]))
  open.setAuthTag(body.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([open.update(body.subarray(INDEX_BYTES, -TAG_BYTES)), open.final()])
  } catch {
    return undefined
  }
}
