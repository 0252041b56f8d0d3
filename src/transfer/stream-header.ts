import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { decodeChain, encodeChain, type PeerIdentity } from '../auth/certificates/path.ts'
import { signPss, verifyPss } from '../auth/certificates/signature.ts'
import type { Identity } from '../auth/identity/identity.ts'
import { verifyMember } from '../auth/identity/member.ts'
import type { SignCheckpoint, VerifyCheckpoint } from '../streams/checkpoints.ts'
import { SftError } from '../streams/errors.ts'
import {
  encodeClear,
  HINT_BYTES,
  MAX_STANZAS,
  METADATA,
  type Metadata,
  type ParsedHeader,
  STREAM_ID_BYTES,
  type Stanza
} from '../streams/header.ts'
import { decodeTlv, encodeTlv, type Message, required } from '../streams/tlv.ts'
import type { Frame } from '../streams/types.ts'
import { open as openBytes, seal as sealBytes } from '../workers/aead.ts'
import { KEY_BYTES, type Suite } from '../workers/construction.ts'
import { hmac } from '../workers/hkdf.ts'
import { wrapKey } from '../workers/key-wrap.ts'
import type { CipherPool } from '../workers/pool.ts'
import { deriveStreamKey, type StreamKey } from '../workers/stream-key.ts'
import { checkpointSigner, checkpointVerifier } from './checkpoint-signature.ts'

/** The header of a pipe: who may open it, who sent it, what it is (SPEC §7.1). */

const SEALED_PART = {
  chain: required(1, 'bytes'),
  metadata: required(2, 'bytes'),
  recipients: required(3, 'bytes'),
  signature: required(4, 'bytes', { max: 512 })
} as const

const SIGNATURE_CONTEXT = Buffer.from('sft/1 stream\0', 'latin1')
const HASH_BYTES = 32

/** The one whose key opens a stream. */
export type Recipient = Pick<PeerIdentity, 'publicKey' | 'spkiHash'>

/**
 * Each recipient once: whoever is named twice, by another name of the same key, needs no second stanza.
 *
 * @throws SftError ERR_SFT_USAGE for none, and for more than a header holds.
 */
export function distinctRecipients(recipients: readonly Recipient[]): readonly Recipient[] {
  const byKey = new Map(recipients.map(each => [Buffer.from(each.spkiHash).toString('hex'), each]))
  if (byKey.size < 1 || byKey.size > MAX_STANZAS)
    throw new SftError('ERR_SFT_USAGE', `a stream has 1 to ${MAX_STANZAS} recipients`)
  return [...byKey.values()]
}

export interface SealHeaderOptions {
  sender: Identity
  recipients: readonly Recipient[]
  metadata: Metadata
  suite: Suite
  /** Bytes a chunk. */
  chunkSize: number
  variable: boolean
}

export interface SealedHeader {
  header: Frame
  streamId: Uint8Array
  key: StreamKey
  /** Signs the checkpoints of this stream, if it is for several recipients. */
  sign: SignCheckpoint
}

/** Makes a fresh stream key and the header that carries it: wrapped to the recipients, signed by the sender inside the encryption. */
export async function sealHeader(options: SealHeaderOptions): Promise<SealedHeader> {
  const { sender, recipients, suite } = options
  const streamId = randomBytes(STREAM_ID_BYTES)
  const secret = randomBytes(KEY_BYTES)
  const stanzas = recipients.map(recipient => stanzaFor(recipient, streamId, secret))
  const clear = encodeClear({ ...options, streamId, firstChunk: 0, stanzas })
  const key = deriveStreamKey(suite, streamId, secret, clear)
  secret.fill(0)
  const bound = Buffer.concat([clear, key.commitment])
  const unsigned = {
    chain: encodeChain(sender.chain),
    metadata: encodeTlv(METADATA, options.metadata),
    recipients: Buffer.concat(recipients.map(recipient => recipient.spkiHash))
  }
  const signature = await signPss(sender.privateKey, signedText(bound, unsigned, sender.chain[0] as Uint8Array))
  const { ciphertext, tag } = sealBytes(key.header, 0, bound, encodeTlv(SEALED_PART, { ...unsigned, signature }))
  const header: Frame = { type: 'STRM', body: [bound, ciphertext, tag] }
  return { header, streamId, key, sign: checkpointSigner(sender, bound) }
}

/** Wraps a stream key to one recipient. */
export function stanzaFor(recipient: Recipient, streamId: Uint8Array, secret: Uint8Array): Stanza {
  return {
    hint: hintFor(recipient.spkiHash, streamId),
    ciphertext: wrapKey(recipient.publicKey, streamId, secret)
  }
}

export interface OpenHeaderOptions {
  identity: Identity
  /** One's own `H(SPKI)`. */
  spkiHash: Uint8Array
  pool: CipherPool
  now?: Date | undefined
}

export interface OpenedHeader {
  key: StreamKey
  /** Whether the sender signed a checkpoint of this stream. */
  verify: VerifyCheckpoint
  sender: PeerIdentity
  metadata: Metadata
}

/**
 * Opens the header of a pipe and checks all that must hold before a byte is released: commitment, header seal, sender's chain,
 * signature, and that this reader is among the signed recipients (M24–M28). One RSA private operation a stanza whose hint fits.
 *
 * @throws SftError ERR_SFT_NOT_RECIPIENT, ERR_SFT_COMMITMENT, ERR_SFT_HEADER_AUTH, ERR_SFT_ENCODING, ERR_SFT_CERT_*, ERR_SFT_CRL,
 *   ERR_SFT_SIGNATURE.
 */
export async function openHeader(header: ParsedHeader, options: OpenHeaderOptions): Promise<OpenedHeader> {
  const secret = await unwrapSecret(header, options)
  const key = checkedKey(header, secret)
  const plaintext = openBytes(key.header, 0, header.bound, header.tail)
  if (plaintext === undefined) throw new SftError('ERR_SFT_HEADER_AUTH', 'the stream header failed authentication')
  const part = decodeTlv(SEALED_PART, plaintext)
  const sender = verifyMember(options.identity, decodeChain(part.chain), { now: options.now })
  if (!verifyPss(sender.publicKey, signedText(header.bound, part, sender.leaf), part.signature)) {
    throw new SftError('ERR_SFT_SIGNATURE', "the sender's signature does not fit")
  }
  requireRecipient(part.recipients, header.stanzas.length, options.spkiHash)
  const verify = checkpointVerifier(sender, header.bound)
  return { key, verify, sender, metadata: decodeTlv(METADATA, part.metadata) }
}

/** Unwraps the stream key from the stanza for this reader. */
export async function unwrapSecret(
  header: ParsedHeader,
  { identity, spkiHash, pool }: OpenHeaderOptions
): Promise<Uint8Array> {
  const hint = Buffer.from(hintFor(spkiHash, header.streamId))
  for (const stanza of header.stanzas) {
    if (!hint.equals(stanza.hint)) continue
    const { streamId } = header
    const secret = await pool.unwrap({ privateKey: identity.privateKey, streamId, ciphertext: stanza.ciphertext })
    if (secret) return secret
  }
  throw new SftError('ERR_SFT_NOT_RECIPIENT', 'the stream is not for this identity', {
    hint: 'sft whoami says who you are here'
  })
}

/** Derives the keys and compares the commitment before any AEAD runs (M24). Zeroes the secret. */
export function checkedKey(header: ParsedHeader, secret: Uint8Array): StreamKey {
  const key = deriveStreamKey(header.suite, header.streamId, secret, header.clear)
  secret.fill(0)
  if (!timingSafeEqual(key.commitment, header.commitment)) {
    throw new SftError('ERR_SFT_COMMITMENT', 'the stream header does not commit to its key')
  }
  return key
}

function hintFor(spkiHash: Uint8Array, streamId: Uint8Array): Uint8Array {
  return hmac(streamId, spkiHash).subarray(0, HINT_BYTES)
}

/** `"sft/1 stream" ‖ 0 ‖ H0 ‖ commitment ‖ H(recipients) ‖ H(metadata) ‖ H(leaf)` (M27); `bound` is the clear part and the commitment. */
function signedText(
  bound: Uint8Array,
  part: Pick<Message<typeof SEALED_PART>, 'recipients' | 'metadata'>,
  leaf: Uint8Array
): Uint8Array {
  const end = bound.byteLength - HASH_BYTES
  const hashes = [bound.subarray(0, end), part.recipients, part.metadata, leaf].map(sha256)
  const [h0, recipients, metadata, certificate] = hashes as [Buffer, Buffer, Buffer, Buffer]
  return Buffer.concat([SIGNATURE_CONTEXT, h0, bound.subarray(end), recipients, metadata, certificate])
}

function requireRecipient(recipients: Uint8Array, stanzas: number, own: Uint8Array): void {
  const list = Buffer.from(recipients)
  const found = Array.from({ length: stanzas }, (_, i) => list.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)).some(
    hash => hash.equals(own)
  )
  if (list.byteLength !== stanzas * HASH_BYTES || !found) {
    throw new SftError('ERR_SFT_SIGNATURE', 'the sender did not sign this recipient')
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
