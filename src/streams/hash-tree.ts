import { createHash } from 'node:crypto'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** The Merkle tree hash of RFC 6962 §2.1 with SHA-256 over entries that come one by one. Memory: a hash for each level, 49 at most in a stream. */
export class HashTree {
  /** Roots of whole subtrees, the largest first: one for each bit that is set in `leaves`. */
  readonly #roots: Buffer[] = []
  #leaves = 0

  get leaves(): number {
    return this.#leaves
  }

  /** Adds an entry, in as many pieces as its maker has (borrowed). */
  add(entry: readonly Uint8Array[]): void {
    let root = sha256(LEAF, ...entry)
    for (let size = this.#leaves++; size % 2 === 1; size = (size - 1) / 2)
      root = sha256(NODE, this.#roots.pop() as Buffer, root)
    this.#roots.push(root)
  }

  /** The hash of all entries up to now. */
  root(): Buffer {
    if (this.#leaves === 0) return sha256()
    return this.#roots.reduceRight((right, left) => sha256(NODE, left, right))
  }
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
