import { SftError } from '../../streams/errors.ts'
import { decodeTlv, encodeTlv, type Message, optional, required, type Schema } from '../../streams/tlv.ts'
import { FILE_ID_BYTES } from '../../workers/construction.ts'
import { KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES, X25519_BYTES } from './key-exchange.ts'

/**
 * Bodies of the messages of a session (SPEC §6, §8): one codec each, `decode(encode(x)) = x`, and a body has one encoding (M2).
 * Every `decode` throws ERR_SFT_ENCODING for anything else; what it returns are copies.
 */

const RANDOM_BYTES = 32
const SESSION_ID_BYTES = 32
const MAC_BYTES = 32
/** Connections of a session beside the first (SPEC §8.1). */
export const MAX_STRIPES = 15
/** Two certificates of 3,072 bytes with their lengths (M8). */
const MAX_CHAIN_BYTES = 2 * (2 + 3072)
/** A chain, a signature and less than a KiB (SPEC §8.7). */
const MAX_RECEIPT_BYTES = 8192
/** `key id[20] ‖ u64 number`, at most 16 times. */
const MAX_CRL_NUMBERS_BYTES = 16 * 28

export interface Codec<T> {
  encode(message: T): Uint8Array<ArrayBuffer>
  decode(body: Uint8Array): T
}

/** The initiator's offer. */
export interface Hello {
  readonly versions: readonly number[]
  readonly suites: readonly number[]
  readonly groups: readonly number[]
  readonly random: Uint8Array
  readonly x25519: Uint8Array
  readonly kemKey?: Uint8Array | undefined
  /** Largest chunk size as a power of two. */
  readonly chunkPower: number
}

const HELO = {
  versions: required(1, 'bytes'),
  suites: required(2, 'bytes'),
  groups: required(3, 'bytes'),
  random: required(4, 'bytes', { size: RANDOM_BYTES }),
  x25519: required(5, 'bytes', { size: X25519_BYTES }),
  kemKey: optional(6, 'bytes', { size: KEM_KEY_BYTES }),
  chunkPower: required(7, 'int')
}

export const hello: Codec<Hello> = {
  encode: message =>
    encodeTlv(HELO, {
      ...message,
      versions: encodeList(message.versions),
      suites: encodeList(message.suites),
      groups: encodeList(message.groups)
    }),
  decode: body => {
    const message = decodeTlv(HELO, body)
    return {
      ...message,
      versions: decodeList(message.versions),
      suites: decodeList(message.suites),
      groups: decodeList(message.groups)
    }
  }
}

/** The responder's choice. */
export const helloReply = tlv({
  version: required(1, 'int'),
  suite: required(2, 'int'),
  group: required(3, 'int'),
  random: required(4, 'bytes', { size: RANDOM_BYTES }),
  x25519: required(5, 'bytes', { size: X25519_BYTES }),
  kemCiphertext: optional(6, 'bytes', { size: KEM_CIPHERTEXT_BYTES })
})

/** `SECE`: the chain in its wire form (SPEC §4.3), and the CRL numbers of a side that takes lists. */
export const certificates = tlv({
  chain: required(1, 'bytes', { max: MAX_CHAIN_BYTES }),
  crlNumbers: optional(2, 'bytes', { max: MAX_CRL_NUMBERS_BYTES })
})

/** `RSCV`: the session begins. */
export const sessionBegins = tlv({
  sessionId: required(1, 'bytes', { size: SESSION_ID_BYTES }),
  chunkPower: required(2, 'int')
})

/** `JOIN`: one more connection of a session. */
export const joinRequest = tlv(
  {
    sessionId: required(1, 'bytes', { size: SESSION_ID_BYTES }),
    stripe: required(2, 'int'),
    random: required(3, 'bytes', { size: RANDOM_BYTES }),
    mac: required(4, 'bytes', { size: MAC_BYTES })
  },
  ({ stripe }) => isStripe(stripe)
)

/** Stripes that carry the stream of a request: their numbers, a byte each, strictly increasing (M40). */
const STRIPES = optional(4, 'bytes', { max: MAX_STRIPES })

/** Which state of which file it is, in the words of its sender (SPEC §8.4). */
const FILE_ID = optional(5, 'bytes', { size: FILE_ID_BYTES })

/** What shows that the bytes before an offset are the same on both sides (SPEC §8.4). */
const PREFIX = { size: MAC_BYTES }

/** Bytes of what names a job (SPEC §8.8). */
const JOB_BYTES = 32
/** Bytes of the filter of a directory: a line for each pattern. */
const MAX_FILTER_BYTES = 32 * 1024

/** `RQFL`: pull. `offset` bytes of the file `fileId` are there already. `tree` 1 asks for a directory (SPEC §8.5). */
export const fileRequest = tlv(
  {
    request: required(1, 'int'),
    path: required(2, 'text', { max: 4096 }),
    offset: required(3, 'int'),
    stripes: STRIPES,
    fileId: FILE_ID,
    tree: optional(6, 'int'),
    filter: optional(8, 'text', { max: MAX_FILTER_BYTES }),
    prefix: optional(9, 'bytes', PREFIX)
  },
  ({ path, stripes, tree = 1, prefix, fileId }) =>
    path.length > 0 && isStripeList(stripes) && tree === 1 && (prefix === undefined || fileId !== undefined)
)

/** `OFFR`: push. `content` 1 is a directory (SPEC §8.5), 2 a message (§8.6). */
export const fileOffer = tlv(
  {
    request: required(1, 'int'),
    name: required(2, 'text', { max: 255 }),
    size: optional(3, 'int'),
    stripes: STRIPES,
    fileId: FILE_ID,
    content: optional(6, 'int'),
    receipt: optional(7, 'int'),
    job: optional(8, 'bytes', { size: JOB_BYTES }),
    verify: optional(9, 'int')
  },
  ({ name, stripes, receipt = 1, verify = 1 }) =>
    name.length > 0 && isStripeList(stripes) && receipt === 1 && verify === 1
)

/** Kinds of `ACPT`, at their wire numbers. */
export const ACCEPT_KINDS = ['start', 'durable', 'delivered'] as const
export type AcceptKind = (typeof ACCEPT_KINDS)[number]

export interface Acceptance {
  readonly request: number
  readonly kind: AcceptKind
  /** Bytes that are there already; 0 but for `start`. */
  readonly offset: number
  /** What the beginning of a directory is that is there. */
  readonly id?: Uint8Array | undefined
  /** What the receiver signed, if it was asked to. */
  readonly receipt?: Uint8Array | undefined
  /** Shows that the bytes that are there are those of the sender, if it has asked; with `start`. */
  readonly prefix?: Uint8Array | undefined
  /** Bytes of another state that are given up, with `start`. */
  readonly givenUp?: number | undefined
}

const ACPT = {
  request: required(1, 'int'),
  kind: required(2, 'int'),
  offset: required(3, 'int'),
  id: optional(4, 'bytes', { size: FILE_ID_BYTES }),
  receipt: optional(5, 'bytes', { max: MAX_RECEIPT_BYTES }),
  prefix: optional(6, 'bytes', PREFIX),
  givenUp: optional(7, 'int')
}

/** `ACPT`. */
export const acceptance: Codec<Acceptance> = {
  encode: message => encodeTlv(ACPT, { ...message, kind: ACCEPT_KINDS.indexOf(message.kind) }),
  decode: body => {
    const message = decodeTlv(ACPT, body)
    const kind = ACCEPT_KINDS[message.kind]
    if (kind === undefined) throw malformed('unknown kind of acceptance')
    return { ...message, kind }
  }
}

/** Codes of `RSCI` (SPEC §6). */
export const REFUSALS = {
  'certificate invalid': 1,
  'certificate expired': 2,
  'wrong name': 3,
  'certificate revoked': 4,
  'refused by policy': 5,
  'not found': 6,
  'too large': 7,
  exists: 8,
  busy: 9,
  'revocation list too old': 10,
  'done before': 11
} as const
export type Refusal = keyof typeof REFUSALS

/** Codes of `ABRT` (SPEC §6). */
export const ABORTS = {
  protocol: 1,
  'source changed': 2,
  'read error': 3,
  'write error': 4,
  timeout: 5,
  cancelled: 6,
  integrity: 7,
  'shutting down': 8,
  'sender not accepted': 9,
  'connection lost': 10,
  'certificate revoked': 11,
  'certificate expired': 12,
  'revocation list too old': 13
} as const
export type Abort = keyof typeof ABORTS

export const refusal: Codec<Refusal> = oneByte(REFUSALS)
export const abortion: Codec<Abort> = oneByte(ABORTS)

/** A codec of a TLV body, and what must hold of it beside its fields. */
export function tlv<S extends Schema>(
  schema: S,
  valid: (message: Message<S>) => boolean = () => true
): Codec<Message<S>> {
  const check = (message: Message<S>): Message<S> => {
    if (!valid(message)) throw malformed('a field has a wrong size')
    return message
  }
  return { encode: message => encodeTlv(schema, check(message)), decode: body => check(decodeTlv(schema, body)) }
}

function oneByte<Name extends string>(codes: Readonly<Record<Name, number>>): Codec<Name> {
  const names = new Map(Object.entries(codes).map(([name, code]) => [code, name as Name]))
  return {
    encode: name => Uint8Array.of(codes[name]),
    decode: body => {
      const name = body.byteLength === 1 ? names.get(body[0] as number) : undefined
      if (name === undefined) throw malformed('unknown code')
      return name
    }
  }
}

function isStripe(stripe: number): boolean {
  return stripe >= 1 && stripe <= MAX_STRIPES
}

function isStripeList(stripes: Uint8Array | undefined): boolean {
  if (stripes === undefined) return true
  const increasing = stripes.every((stripe, index) => isStripe(stripe) && stripe > (stripes[index - 1] ?? 0))
  return increasing && stripes.byteLength > 0
}

function encodeList(values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap(value => [value >> 8, value & 0xff]))
}

/** A list of u16: at least one value, nothing left over. */
function decodeList(bytes: Uint8Array): number[] {
  if (bytes.byteLength === 0 || bytes.byteLength % 2 !== 0) throw malformed('a list has a wrong size')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / 2 }, (_, index) => view.getUint16(index * 2))
}

function malformed(message: string): SftError {
  return new SftError('ERR_SFT_ENCODING', message)
}
