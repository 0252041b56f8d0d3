import { isUserName } from '../auth/certificates/names.ts'
import { SftError } from '../streams/errors.ts'
import type { SignedReceipt } from './receipt.ts'

/** A receipt as a document, which people read and keep (SPEC §8.7). The signed bytes are made of what stands in it, so that it says nothing else than was signed. */

const TYPE = 'sft/1 receipt'
/** Characters; a receipt has less than 12,000. */
const MAX_DOCUMENT = 64 * 1024
const KEYS = ['type', 'id', 'name', 'size', 'sha256', 'sender', 'senderKey', 'receiver', 'time', 'chain', 'signature']

/** Writes a receipt as one JSON document. */
export function formatReceipt(receipt: SignedReceipt): string {
  const { id, name, size, sha256, sender, senderKey, receiver, time, chain, signature } = receipt
  const document = {
    type: TYPE,
    id: hex(id),
    name,
    size,
    sha256: hex(sha256),
    sender,
    senderKey: hex(senderKey),
    receiver,
    time: new Date(time).toISOString(),
    chain: chain.map(base64),
    signature: base64(signature)
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}

/**
 * Reads what `formatReceipt` wrote; nothing is verified by that.
 *
 * @throws SftError ERR_SFT_ENCODING for everything else.
 */
export function parseReceipt(text: string): SignedReceipt {
  const fields = parseFields(text)
  const { type, name, size, sender, receiver, chain } = fields
  if (type !== TYPE) throw noReceipt('it is of another type')
  if (typeof name !== 'string' || !name.isWellFormed() || name === '' || Buffer.byteLength(name) > 255)
    throw noReceipt('the name is none')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw noReceipt('the size is none')
  if (!Array.isArray(chain) || chain.length < 1 || chain.length > 2) throw noReceipt('the chain is none')
  return {
    id: parseHex(fields.id),
    name,
    size,
    sha256: parseHex(fields.sha256),
    sender: parseName(sender),
    senderKey: parseHex(fields.senderKey),
    receiver: parseName(receiver),
    time: parseTime(fields.time),
    chain: chain.map(parseBase64),
    signature: parseBase64(fields.signature)
  }
}

function parseFields(text: string): Record<string, unknown> {
  if (text.length > MAX_DOCUMENT) throw noReceipt('it is too long')
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (cause) {
    throw noReceipt('it is no JSON', cause)
  }
  const isObject = typeof fields === 'object' && fields !== null && !Array.isArray(fields)
  if (!isObject) throw noReceipt('it is no object')
  const other = Object.keys(fields as object).find(key => !KEYS.includes(key))
  if (other !== undefined) throw noReceipt(`it has ${JSON.stringify(other)}, which means nothing`)
  return fields as Record<string, unknown>
}

function parseName(name: unknown): string {
  if (typeof name === 'string' && isUserName(name)) return name
  throw noReceipt('a user name is none')
}

function parseHex(text: unknown): Uint8Array {
  if (typeof text === 'string' && /^[0-9a-f]{64}$/.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  throw noReceipt('a value is no 32 bytes in hex')
}

function parseBase64(text: unknown): Uint8Array {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined
  if (bytes && base64(bytes) === text) return Uint8Array.from(bytes)
  throw noReceipt('a value is no base64')
}

function parseTime(text: unknown): number {
  const time = typeof text === 'string' ? Date.parse(text) : Number.NaN
  if (time >= 0 && new Date(time).toISOString() === text) return time
  throw noReceipt('the time is none')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function noReceipt(reason: string, cause?: unknown): SftError {
  return new SftError('ERR_SFT_ENCODING', `this is no receipt: ${reason}`, { cause })
}
