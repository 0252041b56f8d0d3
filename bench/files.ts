import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

/** Files to move, and whether a copy is one. */

export const PIECE = 1024 * 1024

/** Writes random bytes into a new file; returns their SHA-256. */
export async function writeRandom(path: string, bytes: number): Promise<string> {
  const digest = createHash('sha256')
  await using file = await open(path, 'wx')
  for (let left = bytes; left > 0; left -= PIECE) {
    const piece = randomBytes(Math.min(left, PIECE))
    digest.update(piece)
    await file.writeFile(piece)
  }
  return digest.digest('hex')
}

/** @throws Error unless a copy is what was sent. */
export async function requireCopy(path: string, source: { bytes: number; hash: string }): Promise<void> {
  const digest = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: PIECE }), digest)
  if ((await stat(path)).size !== source.bytes || digest.digest('hex') !== source.hash) {
    throw new Error('the copy is not what was sent')
  }
}
