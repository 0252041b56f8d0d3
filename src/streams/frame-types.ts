import { SftError } from './errors.ts'
import type { FrameType } from './types.ts'

/** Length of a frame type in bytes; every frame length counts it (SPEC §3). */
export const TYPE_BYTES = 4

/** Largest `length` of a control frame after authentication, and of the header of a pipe (SPEC §3). */
export const CONTROL_CAP = 64 * 1024

const NAMES =
  'HELO HELR SECE SECV SECF RSCV RSCI JOIN JOIR RQFL OFFR ACPT STRM RSFL CKPT FINL PING ABRT CLOS CRLN'.split(
    ' '
  ) as FrameType[]
const BYTES = new Map(NAMES.map(name => [name, Uint8Array.from(Buffer.from(name, 'latin1'))]))
const KNOWN = new Set<string>(NAMES)

/** The four bytes of a type; shared, never written to. */
export function typeBytes(type: FrameType): Uint8Array {
  return BYTES.get(type) as Uint8Array
}

/**
 * Reads the type in front of a frame.
 *
 * @throws SftError ERR_SFT_FRAME_TYPE for letters that sft/1 does not know (M6).
 */
export function parseType(frame: Uint8Array): FrameType {
  const name = String.fromCharCode(...frame.subarray(0, TYPE_BYTES))
  if (!KNOWN.has(name)) throw new SftError('ERR_SFT_FRAME_TYPE', 'unknown frame type')
  return name as FrameType
}
