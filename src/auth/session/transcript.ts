import { createHash } from 'node:crypto'
import { TYPE_BYTES, typeBytes } from '../../streams/frame-types.ts'
import type { FrameType } from '../../streams/types.ts'
import { encodeVarint } from '../../streams/varint.ts'

/** The running hash over all handshake frames, sealed ones by their plaintext (SPEC §5). Holds one hash state. */
export interface Transcript {
  /** Takes the next frame: `varint(4 + plaintext length) ‖ type ‖ plaintext`. */
  add(type: FrameType, plaintext: Uint8Array): void
  /** Hash of everything taken so far, 32 bytes. */
  hash(): Uint8Array
}

export function transcript(): Transcript {
  const running = createHash('sha256').update('sft/1 transcript')
  return {
    add: (type, plaintext) => {
      running
        .update(encodeVarint(TYPE_BYTES + plaintext.byteLength))
        .update(typeBytes(type))
        .update(plaintext)
    },
    hash: () => running.copy().digest()
  }
}
