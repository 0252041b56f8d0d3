import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** Files and directories to move, and whether a copy is one. */

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

/** Files of one directory of a tree. */
const TREE_WIDTH = 100

/** Writes a new directory of so many files of random bytes; returns the hash of the whole. */
export async function writeTree(path: string, files: number, bytes: number): Promise<string> {
  for (let index = 0; index < files; index++) {
    const directory = join(path, `directory-${Math.floor(index / TREE_WIDTH)}`)
    if (index % TREE_WIDTH === 0) await mkdir(directory, { recursive: true })
    await writeFile(join(directory, `file-${index}`), randomBytes(bytes))
  }
  return (await hashOf(path)).hash
}

/** @throws Error unless a copy, of a file or a directory, is what was sent. */
export async function requireCopy(path: string, source: { bytes: number; hash: string }): Promise<void> {
  const { bytes, hash } = await hashOf(path)
  if (bytes !== source.bytes || hash !== source.hash) throw new Error('the copy is not what was sent')
}

/** SHA-256 of a file; of a directory that of all names and files in it. */
async function hashOf(path: string): Promise<{ bytes: number; hash: string }> {
  const digest = createHash('sha256')
  const found = await stat(path)
  if (!found.isDirectory()) {
    await pipeline(createReadStream(path, { highWaterMark: PIECE }), digest)
    return { bytes: found.size, hash: digest.digest('hex') }
  }
  let bytes = 0
  for (const name of (await readdir(path, { recursive: true })).sort()) {
    digest.update(`${name}\0`)
    if ((await stat(join(path, name))).isDirectory()) continue
    const content = await readFile(join(path, name))
    digest.update(content)
    bytes += content.byteLength
  }
  return { bytes, hash: digest.digest('hex') }
}
