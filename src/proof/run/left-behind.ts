import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isHeld } from '../../auth/identity/lock-file.ts'

/** Directories of runs that ended with everything around them, as at a power cut: not even their guard was left to remove them. */

export const PREFIX = 'sft-proof-'
/** In each of them, with the number of its process. */
export const LOCK = 'lock'
/** ms after which nobody is at work in one any more, also where its process has its number in another container than ours. */
const LEAST_AGE_MS = 3_600_000

/** Removes them: our own only, of which the process is gone, an hour after they were last changed. */
export async function removeLeftBehind(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter(each => each.startsWith(PREFIX))) {
    const path = join(parent, name)
    if (await isLeftBehind(path)) await rm(path, { recursive: true, force: true })
  }
}

async function isLeftBehind(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isDirectory() || found.uid !== process.getuid?.()) return false
  return Date.now() - found.mtimeMs > LEAST_AGE_MS && !(await isHeld(join(path, LOCK)))
}
