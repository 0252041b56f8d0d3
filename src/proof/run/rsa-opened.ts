import { constants, createHash, type KeyObject, privateDecrypt } from 'node:crypto'

/** What one RSA private operation makes of some bytes, read in every way in which they could be a ciphertext: padding is told from chance, whatever it hides. */

export type Hash = 'sha256' | 'sha1'

/** Zeros in a row in front of a message: no chance makes as many. */
const TELLING_ZEROS = 16
const PREMASTER_BYTES = 48
const TLS_MAJOR = 3

export function modulusBytes(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
}

/** The bare private operation; undefined for what is no number below the modulus, which no ciphertext is. */
export function privateOperation(key: KeyObject, ciphertext: Uint8Array): Buffer | undefined {
  try {
    return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, ciphertext)
  } catch {
    return undefined
  }
}

/**
 * The message of an OAEP block (RFC 8017 §7.1.2). Without a label any is taken, if there are zeros enough in front of the message to tell it from chance; a message that fills
 * its block needs the label.
 */
export function oaepMessage(block: Buffer, hash: Hash, label?: Uint8Array): Buffer | undefined {
  if (block[0] !== 0) return undefined
  const size = hash === 'sha256' ? 32 : 20
  const data = block.subarray(1 + size)
  const seed = masked(block.subarray(1, 1 + size), data, hash)
  const plain = masked(data, seed, hash)
  const labelled = plain.subarray(0, size).equals(digest(hash, label ?? Buffer.alloc(0)))
  const one = plain.findIndex((byte, index) => index >= size && byte !== 0)
  const told = labelled || (label === undefined && one - size >= TELLING_ZEROS)
  return told && plain[one] === 1 ? plain.subarray(one + 1) : undefined
}

/** The premaster secret of a TLS key exchange by RSA (RFC 5246 §7.4.7.1): PKCS #1 v1.5 around 48 bytes that begin with a version. */
export function premaster(block: Buffer): Buffer | undefined {
  const end = block.byteLength - PREMASTER_BYTES
  const padded = block[0] === 0 && block[1] === 2 && block.indexOf(0, 2) === end - 1
  return padded && block[end] === TLS_MAJOR ? block.subarray(end) : undefined
}

/** XORs MGF1 of `seed` into some bytes. */
function masked(bytes: Uint8Array, seed: Uint8Array, hash: Hash): Buffer {
  const mask: Buffer[] = []
  for (let made = 0, counter = 0; made < bytes.byteLength; counter++) {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const piece = digest(hash, seed, count)
    mask.push(piece)
    made += piece.byteLength
  }
  const all = Buffer.concat(mask)
  return Buffer.from(bytes.map((byte, index) => byte ^ (all[index] as number)))
}

function digest(hash: Hash, ...parts: readonly Uint8Array[]): Buffer {
  const sum = createHash(hash)
  for (const part of parts) sum.update(part)
  return sum.digest()
}
