/** As much of DER (X.690) as we write by hand: encrypted keys and the extensions of SPEC §4.2. Lengths stay below 2^16. */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30
} as const

/** Encodes one element: tag, length, and the contents in order. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(contents)
  return Buffer.concat([Uint8Array.of(tag), encodeLength(body.byteLength), body])
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return element(TAG.sequence, ...contents)
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return element(TAG.octetString, bytes)
}

/** Encodes a non-negative integer below 2^31, in its shortest form with the sign bit clear. */
export function integer(value: number): Uint8Array {
  const bytes = [value % 256]
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  if ((bytes[0] as number) >= 0x80) bytes.unshift(0)
  return element(TAG.integer, Uint8Array.from(bytes))
}

/** Encodes an object identifier given in dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(TAG.oid, Uint8Array.from([first * 40 + second, ...rest].flatMap(encodeArc)))
}

function encodeArc(arc: number): number[] {
  const bytes = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) + 128)
  return bytes
}

function encodeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  if (length < 0x100) return Uint8Array.of(0x81, length)
  return Uint8Array.of(0x82, length >> 8, length & 0xff)
}
