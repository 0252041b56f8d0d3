import type { Uint8ArrayList } from 'uint8arraylist'
import { SftError } from './errors.ts'

/** LEB128 of a frame length or a TLV length: minimal, at most 4 bytes (SPEC §3, M3). */
export const MAX_VARINT_BYTES = 4
export const MAX_VARINT = 2 ** 28 - 1

/** Encodes `value` (0 to 2^28 − 1) in its minimal form. */
export function encodeVarint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/**
 * Decodes a minimal varint at `offset`.
 *
 * @returns the value and how many bytes it took, or `undefined` when the bytes end inside it.
 * @throws SftError ERR_SFT_FRAME_LENGTH when it is not minimal or longer than 4 bytes (M3).
 */
export function decodeVarint(
  bytes: Uint8Array | Uint8ArrayList,
  offset = 0
): { value: number; size: number } | undefined {
  let value = 0
  for (let size = 1; size <= MAX_VARINT_BYTES; size++) {
    const at = offset + size - 1
    if (at >= bytes.byteLength) return undefined
    const byte = byteAt(bytes, at)
    value += (byte & 0x7f) * 2 ** (7 * (size - 1))
    if ((byte & 0x80) === 0) {
      if (byte === 0 && size > 1) throw new SftError('ERR_SFT_FRAME_LENGTH', 'length is not in its minimal form')
      return { value, size }
    }
  }
  throw new SftError('ERR_SFT_FRAME_LENGTH', `length takes more than ${MAX_VARINT_BYTES} bytes`)
}

function byteAt(bytes: Uint8Array | Uint8ArrayList, index: number): number {
  return (bytes instanceof Uint8Array ? bytes[index] : bytes.get(index)) as number
}
