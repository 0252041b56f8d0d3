import { createHash } from 'node:crypto'
import { organisationOf } from '../auth/certificates/names.ts'
import { decodeChain, encodeChain, type PathOptions, type PeerIdentity, verifyPath } from '../auth/certificates/path.ts'
import { signPss, verifyPss } from '../auth/certificates/signature.ts'
import type { Identity } from '../auth/identity/identity.ts'
import { tlv } from '../auth/session/handshake-messages.ts'
import { SftError } from '../streams/errors.ts'
import { required } from '../streams/tlv.ts'
import type { Source } from '../streams/types.ts'

/** Receipts: what a receiver signs once it has a file, for whoever may doubt it later (SPEC §8.7). */

/** What a receipt says. */
export interface Receipt {
  /** Id of the stream that ended the file, 32 bytes: its sender has drawn it, for this transfer alone. */
  readonly id: Uint8Array
  /** As it was offered. */
  readonly name: string
  /** Bytes of the whole. */
  readonly size: number
  /** Of the whole, 32 bytes. */
  readonly sha256: Uint8Array
  readonly sender: string
  /** SHA-256 of the sender's SubjectPublicKeyInfo, 32 bytes. */
  readonly senderKey: Uint8Array
  readonly receiver: string
  /** By the receiver's clock, in ms since 1970. */
  readonly time: number
}

export interface SignedReceipt extends Receipt {
  /** DER of the receiver's leaf and issuing CA. */
  readonly chain: readonly Uint8Array[]
  readonly signature: Uint8Array
}

const CONTEXT = Buffer.from('sft/1 receipt\0', 'latin1')
const HASH_BYTES = 32
const STATEMENT_BYTES = 1024
const SIGNATURE_BYTES = 512
const CHAIN_BYTES = 2 * (2 + 3072)

const statement = tlv({
  id: required(1, 'bytes', { size: HASH_BYTES }),
  name: required(2, 'text', { max: 255 }),
  size: required(3, 'int'),
  sha256: required(4, 'bytes', { size: HASH_BYTES }),
  sender: required(5, 'text', { max: 32 }),
  senderKey: required(6, 'bytes', { size: HASH_BYTES }),
  receiver: required(7, 'text', { max: 32 }),
  leaf: required(8, 'bytes', { size: HASH_BYTES }),
  time: required(9, 'int')
})

const wire = tlv({
  statement: required(1, 'bytes', { max: STATEMENT_BYTES }),
  signature: required(2, 'bytes', { max: SIGNATURE_BYTES }),
  chain: required(3, 'bytes', { max: CHAIN_BYTES })
})

/** Signs what one has received; the time is now. */
export async function signReceipt(
  { name: receiver, chain, privateKey }: Pick<Identity, 'name' | 'chain' | 'privateKey'>,
  what: Omit<Receipt, 'receiver' | 'time'>
): Promise<SignedReceipt> {
  const receipt = { ...what, receiver, time: Date.now() }
  return { ...receipt, chain, signature: await signPss(privateKey, signedText(receipt, chain)) }
}

/** As it goes over the wire, at most 8,192 bytes. */
export function encodeReceipt({ chain, signature, ...receipt }: SignedReceipt): Uint8Array {
  return wire.encode({ statement: stated(receipt, chain), signature, chain: encodeChain(chain) })
}

/**
 * Takes a receipt apart; nothing of it is checked but its form.
 *
 * @throws SftError ERR_SFT_ENCODING, ERR_SFT_CERT_INVALID; ERR_SFT_SIGNATURE when it is bound to another certificate than it brings.
 */
export function decodeReceipt(bytes: Uint8Array): SignedReceipt {
  const { signature, ...parts } = wire.decode(bytes)
  const chain = decodeChain(parts.chain)
  const { leaf, ...receipt } = statement.decode(parts.statement)
  if (Buffer.compare(leaf, leafHash(chain)) !== 0)
    throw new SftError('ERR_SFT_SIGNATURE', 'the receipt belongs to another certificate')
  return { ...receipt, chain, signature }
}

export interface VerifyReceiptOptions extends Pick<PathOptions, 'root'> {
  /** The file, when it is there: it has to be the one that was received. */
  content?: Source<Uint8Array> | undefined
}

/**
 * Checks a receipt without asking anybody (M78): the receiver's chain at the time of the receipt, his name, the signature. Memory: one piece of `content`. Whether the certificate was revoked
 * is not asked: a list says who is, not who was.
 *
 * @throws SftError ERR_SFT_SIGNATURE; ERR_SFT_CERT_INVALID, _UNTRUSTED, _USAGE, _EXPIRED, _NAME for the receiver's chain; what `content` fails with.
 */
export async function verifyReceipt(receipt: SignedReceipt, options: VerifyReceiptOptions): Promise<PeerIdentity> {
  const { root, content } = options
  const { chain, signature, receiver: name, time } = receipt
  const receiver = verifyPath(chain, { root, org: organisationOf(root), name, now: new Date(time) })
  if (!verifyPss(receiver.publicKey, signedText(receipt, chain), signature))
    throw new SftError('ERR_SFT_SIGNATURE', 'the signature of the receipt does not verify')
  if (content) await requireContent(receipt, content)
  return receiver
}

/** M77: true when a receipt says exactly this, signed by exactly this receiver. */
export function isReceiptOf(receipt: SignedReceipt, what: Receipt, receiver: PeerIdentity): boolean {
  const { chain, signature } = receipt
  const text = signedText(what, [receiver.leaf])
  const same = Buffer.compare(chain[0] as Uint8Array, receiver.leaf) === 0
  return (
    same && Buffer.compare(signedText(receipt, chain), text) === 0 && verifyPss(receiver.publicKey, text, signature)
  )
}

async function requireContent({ size, sha256 }: Receipt, content: Source<Uint8Array>): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of content) {
    hash.update(piece)
    bytes += piece.byteLength
  }
  if (bytes !== size || Buffer.compare(hash.digest(), sha256) !== 0)
    throw new SftError('ERR_SFT_SIGNATURE', 'the file is not the one of the receipt')
}

function signedText(receipt: Receipt, chain: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([CONTEXT, stated(receipt, chain)])
}

function stated(receipt: Receipt, chain: readonly Uint8Array[]): Uint8Array {
  const { id, name, size, sha256, sender, senderKey, receiver, time } = receipt
  return statement.encode({ id, name, size, sha256, sender, senderKey, receiver, leaf: leafHash(chain), time })
}

function leafHash([leaf]: readonly Uint8Array[]): Uint8Array {
  return createHash('sha256')
    .update(leaf ?? new Uint8Array())
    .digest()
}
