/**
 * As much of DER (X.690) as we write and read by hand: encrypted keys, the extensions of SPEC §4.2, and revocation lists. Lengths stay below 2^24. What is read
 * has one encoding: another one of the same value is refused.
 */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30
} as const

/** One element as it was read; both parts are borrowed from the bytes it stands in. */
export interface Element {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number
  readonly contents: Uint8Array
}

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
  if (length < 0x1_0000) return Uint8Array.of(0x82, length >> 8, length & 0xff)
  return Uint8Array.of(0x83, length >> 16, (length >> 8) & 0xff, length & 0xff)
}

/**
 * Reads the elements that stand one after the other and fill `bytes`; what is inside them is not looked at.
 *
 * @throws Error for a tag above 30, a length that is indefinite, not minimal or beyond 2^24, and for an end inside an element.
 */
export function readElements(bytes: Uint8Array): Element[] {
  const elements: Element[] = []
  for (let offset = 0; offset < bytes.byteLength; ) {
    const tag = bytes[offset] as number
    if ((tag & 0x1f) === 0x1f) throw new Error('a tag of more than one byte')
    const { start, end } = readLength(bytes, offset + 1)
    elements.push({ tag, contents: bytes.subarray(start, end) })
    offset = end
  }
  return elements
}

/** The elements that fill `bytes`, which have these tags. @throws Error for others. */
export function readFields<const T extends Tags>(bytes: Uint8Array, tags: T): Fields<T> {
  return requireTags(readElements(bytes), tags)
}

/** The same elements, which have these tags; `undefined` stands for any. @throws Error for others. */
export function requireTags<const T extends Tags>(fields: readonly Element[], tags: T): Fields<T> {
  const fits = fields.length === tags.length && fields.every(({ tag }, i) => tags[i] === undefined || tags[i] === tag)
  if (!fits) throw new Error('a structure has other fields')
  return fields as unknown as Fields<T>
}

type Tags = readonly (number | undefined)[]
type Fields<T extends Tags> = { readonly [K in keyof T]: Element }

/** Where the contents begin and end whose length stands at `offset`. */
function readLength(bytes: Uint8Array, offset: number): { start: number; end: number } {
  const first = bytes[offset]
  if (first === undefined) throw new Error('an end before the length')
  const start = offset + (first < 0x80 ? 1 : first - 0x7f)
  const length = first < 0x80 ? first : longLength(first, bytes.subarray(offset + 1, start))
  if (start + length > bytes.byteLength) throw new Error('an end inside the contents')
  return { start, end: start + length }
}

/** The forms of one to three bytes, of which DER takes the shortest; 0x80 would be an indefinite length. */
function longLength(first: number, bytes: Uint8Array): number {
  const length = bytes.reduce((value, byte) => value * 256 + byte, 0)
  const smallest = [0x80, 0x100, 0x1_0000][first - 0x81]
  if (smallest === undefined || length < smallest) throw new Error('a length that is not of DER, or beyond 2^24')
  return length
}

/** Reads an element that fills `bytes`, of this tag. @throws Error for anything else. */
export function readElement(bytes: Uint8Array, tag: number): Uint8Array {
  const [only, ...others] = readElements(bytes)
  if (only?.tag !== tag || others.length > 0) throw new Error(`not one element of tag ${tag}`)
  return only.contents
}

/**
 * Writes the contents of an object identifier in dotted form. Arcs have any size: an extension that nobody knows may have one made of a UUID.
 *
 * @throws Error for contents that end inside an arc, or an arc that is not minimal.
 */
export function readOid(contents: Uint8Array): string {
  const arcs: bigint[] = []
  let arc = 0n
  let isStart = true
  for (const byte of contents) {
    if (isStart && byte === 0x80) throw new Error('an arc that is not minimal')
    arc = arc * 128n + BigInt(byte & 0x7f)
    isStart = byte < 0x80
    if (isStart) {
      arcs.push(arc)
      arc = 0n
    }
  }
  const [head, ...rest] = arcs
  if (head === undefined || !isStart) throw new Error('an object identifier ends early')
  const first = head < 80n ? head / 40n : 2n
  return [first, head - first * 40n, ...rest].join('.')
}
