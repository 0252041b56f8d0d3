import { SftError } from './errors.ts'
import { decodeVarint, encodeVarint } from './varint.ts'

/**
 * One codec for every structured body (SPEC §1.1): strictly increasing tags, minimal integers, nothing left over.
 * A schema names the fields; its type is inferred, so a message is a plain object.
 */

export type Kind = 'int' | 'text' | 'bytes'
export type Value<K extends Kind> = K extends 'int' ? number : K extends 'text' ? string : Uint8Array

export interface Field<K extends Kind, Required extends boolean> {
  readonly tag: number
  readonly kind: K
  readonly required: Required
  /** Exact size in bytes of a `bytes` field. */
  readonly size?: number
  /** Largest size in bytes of a `text` or `bytes` field. */
  readonly max?: number
}

export type AnyField = Field<Kind, boolean>
export type Schema = Readonly<Record<string, AnyField>>
export type Message<S extends Schema> = {
  [N in keyof S as S[N]['required'] extends true ? N : never]: Value<S[N]['kind']>
} & { [N in keyof S as S[N]['required'] extends true ? never : N]?: Value<S[N]['kind']> | undefined }

type Bounds = { size?: number; max?: number }

export function required<K extends Kind>(tag: number, kind: K, bounds: Bounds = {}): Field<K, true> {
  return { tag, kind, required: true, ...bounds }
}

export function optional<K extends Kind>(tag: number, kind: K, bounds: Bounds = {}): Field<K, false> {
  return { tag, kind, required: false, ...bounds }
}

/** Encodes a message; fields in the order of their tags, absent ones left out. */
export function encodeTlv<S extends Schema>(schema: S, message: Message<S>): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = []
  for (const [name, field] of byTag(schema)) {
    const value = (message as Record<string, Value<Kind> | undefined>)[name]
    if (value === undefined) continue
    const bytes = encodeValue(value)
    checkBounds(name, field, bytes)
    parts.push(Uint8Array.of(field.tag), encodeVarint(bytes.byteLength), bytes)
  }
  return Uint8Array.from(Buffer.concat(parts))
}

/**
 * Decodes a whole body. `bytes` values are copies, so the body may be released.
 *
 * @throws SftError ERR_SFT_ENCODING for anything but the one encoding of a message (M2).
 */
export function decodeTlv<S extends Schema>(schema: S, body: Uint8Array): Message<S> {
  const fields = new Map(byTag(schema).map(([name, field]) => [field.tag, { name, field }]))
  const message: Record<string, Value<Kind>> = {}
  for (const { tag, value } of splitFields(body)) {
    const known = fields.get(tag)
    if (known === undefined) {
      if (tag < 0x80) throw encodingError(`unknown critical field ${tag}`)
      continue
    }
    checkBounds(known.name, known.field, value)
    message[known.name] = decodeValue(known.field.kind, value)
  }
  for (const { name, field } of fields.values()) {
    if (field.required && !(name in message)) throw encodingError(`field ${name} is missing`)
  }
  return message as Message<S>
}

function* splitFields(body: Uint8Array): Generator<{ tag: number; value: Uint8Array }> {
  let offset = 0
  let last = -1
  while (offset < body.byteLength) {
    const tag = body[offset] as number
    if (tag <= last) throw encodingError('fields are not in strictly increasing order')
    last = tag
    const length = decodeLength(body, offset + 1)
    const start = offset + 1 + length.size
    offset = start + length.value
    if (offset > body.byteLength) throw encodingError('a field is longer than its body')
    yield { tag, value: body.subarray(start, offset) }
  }
}

function decodeLength(body: Uint8Array, offset: number): { value: number; size: number } {
  try {
    const length = decodeVarint(body, offset)
    if (length !== undefined) return length
  } catch (cause) {
    throw new SftError('ERR_SFT_ENCODING', 'a field length is malformed', { cause })
  }
  throw encodingError('a field ends inside its length')
}

function byTag(schema: Schema): [string, AnyField][] {
  return Object.entries(schema).sort(([, a], [, b]) => a.tag - b.tag)
}

function checkBounds(name: string, field: AnyField, bytes: Uint8Array): void {
  if (field.size !== undefined && bytes.byteLength !== field.size) throw encodingError(`field ${name} has a wrong size`)
  if (field.max !== undefined && bytes.byteLength > field.max) throw encodingError(`field ${name} is too long`)
}

function encodeValue(value: Value<Kind>): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (typeof value === 'number') return encodeInteger(value)
  return value
}

function decodeValue(kind: Kind, bytes: Uint8Array): Value<Kind> {
  if (kind === 'int') return decodeInteger(bytes)
  if (kind === 'text') return decodeText(bytes)
  return Uint8Array.from(bytes)
}

function encodeInteger(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw encodingError('an integer is out of range')
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Uint8Array.from(bytes)
}

function decodeInteger(bytes: Uint8Array): number {
  if (bytes[0] === 0) throw encodingError('an integer is not in its minimal form')
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  if (bytes.byteLength > 8 || !Number.isSafeInteger(value)) throw encodingError('an integer is out of range')
  return value
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new SftError('ERR_SFT_ENCODING', 'text is not valid UTF-8', { cause })
  }
}

function encodingError(message: string): SftError {
  return new SftError('ERR_SFT_ENCODING', message)
}
