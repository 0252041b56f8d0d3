import {
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPair,
  type KeyObject,
  type KeyPairKeyObjectResult
} from 'node:crypto'
import { promisify } from 'node:util'
import { invariant, SftError } from '../../streams/errors.ts'

/** The key exchange of a handshake (SPEC §5): X25519, by default together with ML-KEM-768. Raw keys on the wire, KeyObjects inside. */

export const GROUPS = ['x25519mlkem768', 'x25519'] as const
export type Group = (typeof GROUPS)[number]

/** Wire numbers of the groups (SPEC §5). */
export const GROUP_IDS: Readonly<Record<Group, number>> = { x25519: 1, x25519mlkem768: 2 }

export const X25519_BYTES = 32
export const KEM_KEY_BYTES = 1184
export const KEM_CIPHERTEXT_BYTES = 1088

/** What stands before a raw key in its SubjectPublicKeyInfo (RFC 8410 §4, RFC 9935 §4). */
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex')
const KEM_SPKI = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex')

/** One side's key pairs, for one handshake. */
export interface Shares {
  readonly x25519: KeyPairKeyObjectResult
  readonly kem: KeyPairKeyObjectResult | undefined
}

/** Raw public values of one side; `kem` is an encapsulation key from the initiator, a ciphertext from the responder. */
export interface PublicShares {
  readonly x25519: Uint8Array
  readonly kem?: Uint8Array | undefined
}

const generate = promisify(generateKeyPair) as unknown as (
  type: 'x25519' | 'ml-kem-768',
  options: object
) => Promise<KeyPairKeyObjectResult>

/** Makes fresh key pairs for everything that `groups` may need. */
export async function makeShares(groups: readonly Group[]): Promise<Shares> {
  const hybrid = groups.includes('x25519mlkem768')
  return { x25519: await generate('x25519', {}), kem: hybrid ? await generate('ml-kem-768', {}) : undefined }
}

/** The raw public keys of an initiator's shares. */
export function publicShares(shares: Shares): PublicShares {
  const kem = shares.kem && rawKey(shares.kem.publicKey, KEM_KEY_BYTES)
  return { x25519: rawKey(shares.x25519.publicKey, X25519_BYTES), kem }
}

/**
 * Responder: answers the initiator's public shares with its own.
 *
 * @returns the raw answer, and `Z` (SPEC §5), which the caller zeroes
 * @throws SftError ERR_SFT_HANDSHAKE for a key that is none, or an all-zero result (M17).
 */
export async function answerShares(
  group: Group,
  offered: PublicShares
): Promise<{ answer: PublicShares; z: Uint8Array }> {
  const { x25519 } = await makeShares(['x25519'])
  const raw = rawKey(x25519.publicKey, X25519_BYTES)
  const shared = agree(x25519.privateKey, offered.x25519)
  if (group === 'x25519') return { answer: { x25519: raw }, z: shared }
  invariant(offered.kem !== undefined, 'the hybrid group was chosen without an encapsulation key')
  const kemKey = importKey(KEM_SPKI, offered.kem)
  const { sharedKey, ciphertext } = encapsulate(kemKey)
  return { answer: { x25519: raw, kem: ciphertext }, z: joinSecrets(shared, sharedKey) }
}

/**
 * Initiator: finishes the exchange with the responder's public values.
 *
 * @returns `Z` (SPEC §5), which the caller zeroes
 * @throws SftError ERR_SFT_HANDSHAKE for a key that is none, or an all-zero result (M17).
 */
export function finishShares(group: Group, shares: Shares, answer: PublicShares): Uint8Array {
  const shared = agree(shares.x25519.privateKey, answer.x25519)
  if (group === 'x25519') return shared
  invariant(shares.kem !== undefined && answer.kem !== undefined, 'the hybrid group was chosen without ML-KEM values')
  return joinSecrets(shared, decapsulate(shares.kem.privateKey, answer.kem))
}

/** X25519; refuses the all-zero result that a small-order key gives (M17, RFC 7748 §6.1). */
function agree(privateKey: KeyObject, raw: Uint8Array): Uint8Array {
  const publicKey = importKey(X25519_SPKI, raw)
  try {
    const shared = diffieHellman({ privateKey, publicKey })
    if (shared.some(byte => byte !== 0)) return shared
  } catch (cause) {
    // OpenSSL refuses the all-zero result itself
    throw new SftError('ERR_SFT_HANDSHAKE', 'the key exchange failed', { cause })
  }
  throw new SftError('ERR_SFT_HANDSHAKE', 'the key exchange gave an all-zero secret')
}

function joinSecrets(x25519: Uint8Array, kem: Uint8Array): Uint8Array {
  const z = new Uint8Array(x25519.byteLength + kem.byteLength)
  z.set(x25519)
  z.set(kem, x25519.byteLength)
  x25519.fill(0)
  kem.fill(0)
  return z
}

function importKey(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' })
  } catch (cause) {
    throw new SftError('ERR_SFT_HANDSHAKE', 'a public share is not a key', { cause })
  }
}

function rawKey(key: KeyObject, bytes: number): Uint8Array {
  return Uint8Array.from(key.export({ format: 'der', type: 'spki' }).subarray(-bytes))
}
