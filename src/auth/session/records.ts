import { SftError } from '../../streams/errors.ts'
import { TYPE_BYTES, typeBytes } from '../../streams/frame-types.ts'
import type { Frame, FrameType, ReceivedFrame } from '../../streams/types.ts'
import { encodeVarint } from '../../streams/varint.ts'
import { open, seal } from '../../workers/aead.ts'
import { type Suite, TAG_BYTES } from '../../workers/construction.ts'
import { splitKey } from '../../workers/stream-key.ts'

/** Records under one key; far below the bounds of both suites for records of at most 64 KiB (RFC 8446 §5.5). */
export const MAX_RECORDS = 2 ** 24

/** Record keys of one direction (SPEC §6): the sequence starts at 0 with the key and counts every record. */
export interface RecordKeys {
  /**
   * Seals one record (plaintext borrowed); the frame's body is a new buffer.
   *
   * @throws SftError ERR_SFT_LIMIT after `limit` records, 2^24 by default.
   */
  seal(type: FrameType, plaintext: Uint8Array): Frame
  /**
   * Opens one record.
   *
   * @returns the frame with its plaintext in an ArrayBuffer of its own
   * @throws SftError ERR_SFT_RECORD_AUTH for a record that does not open (M21); ERR_SFT_LIMIT after `limit` records.
   */
  open(frame: ReceivedFrame): ReceivedFrame
}

/**
 * @param secret `key[32] ‖ iv[12]`, consumed: it is zeroed, the key lives on inside OpenSSL
 * @param limit records before ERR_SFT_LIMIT
 */
export function recordKeys(suite: Suite, secret: Uint8Array, limit = MAX_RECORDS): RecordKeys {
  const key = splitKey(suite, secret)
  let sequence = 0
  const next = (): number => {
    if (sequence >= limit) throw new SftError('ERR_SFT_LIMIT', 'too many records under one key')
    return sequence++
  }
  return {
    seal: (type, plaintext) => {
      const sealed = seal(key, next(), prefix(type, plaintext.byteLength + TAG_BYTES), plaintext)
      return { type, body: [sealed.ciphertext, sealed.tag] }
    },
    open: ({ type, body }) => {
      const plaintext = open(key, next(), prefix(type, body.byteLength), body)
      if (plaintext === undefined) throw new SftError('ERR_SFT_RECORD_AUTH', 'a record does not open')
      return { type, body: plaintext }
    }
  }
}

/** What a record authenticates beside its plaintext: the frame's length and type as they stand on the wire. */
function prefix(type: FrameType, bodyBytes: number): Uint8Array {
  return Buffer.concat([encodeVarint(TYPE_BYTES + bodyBytes), typeBytes(type)])
}
