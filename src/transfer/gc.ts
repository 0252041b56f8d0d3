import { lstat, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { takeLock } from '../auth/identity/lock-file.ts'
import { SftError } from '../streams/errors.ts'
import { hasOld, removeStaging } from './tree/staging.ts'

/** Removes what transfers have left that nobody took up again (SPEC §8.4): parts, their journals, their locks. */

export interface GcOptions {
  /** ms since anything of a part was written; 7 days by default, an hour at least. */
  readonly olderThan?: number | undefined
  /** Only says what would be removed. */
  readonly dryRun?: boolean | undefined
}

/** A part that was removed, or would be. */
export interface Leftover {
  readonly path: string
  /** Bytes of all its files. */
  readonly bytes: number
}

const OLD_MS = 7 * 86_400_000
/** A transfer that lives writes more often, or ends by its own deadlines. */
const LEAST_OLD_MS = 3_600_000
const NAME = /^(\..+\.[0-9a-f]{12}\.part)(\.journal|\.lock(\.[0-9a-f]{8})?|\.done)?$/
/** A mark that was being written (`replacePrivate`) when its process was killed. */
const UNFINISHED_MARK = /^\.(\..+\.[0-9a-f]{12}\.part)\.done\.[0-9a-f]{16}$/

/**
 * Removes the leftovers in one directory, not those below it. One that a process is at stays, whatever its age.
 *
 * @throws SftError ERR_SFT_NOT_FOUND for a directory that can not be read, ERR_SFT_USAGE for an age below an hour, ERR_SFT_FILE.
 */
export async function collectLeftovers(directory: string, options: GcOptions = {}): Promise<readonly Leftover[]> {
  const { olderThan = OLD_MS, dryRun = false } = options
  if (olderThan < LEAST_OLD_MS) throw new SftError('ERR_SFT_USAGE', 'what is younger than an hour may be under way')
  const removed: Leftover[] = []
  for (const [part, files] of await groupsIn(directory)) {
    const found = await measure(files)
    if (Date.now() - found.latest < olderThan) continue
    const path = join(directory, part)
    if (dryRun || (await removeAll(path, files))) removed.push({ path, bytes: found.bytes })
  }
  return removed
}

async function groupsIn(directory: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = await readdir(directory).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${directory}: ${cause.message}`, { cause })
  })
  const groups = new Map<string, string[]>()
  for (const name of names.sort()) {
    const part = (NAME.exec(name) ?? UNFINISHED_MARK.exec(name))?.[1]
    if (part !== undefined) groups.set(part, [...(groups.get(part) ?? []), join(directory, name)])
  }
  return groups
}

async function measure(files: readonly string[]): Promise<{ bytes: number; latest: number }> {
  const total = { bytes: 0, latest: 0 }
  for (const file of files) {
    const stat = await lstat(file).catch(() => undefined)
    total.latest = Math.max(total.latest, stat?.mtimeMs ?? 0)
    total.bytes += stat?.isDirectory() ? await bytesBelow(Buffer.from(file)) : (stat?.size ?? 0)
  }
  return total
}

async function bytesBelow(directory: Buffer): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([directory, Buffer.from('/'), entry.name])
    if (entry.isDirectory()) bytes += await bytesBelow(path)
    else bytes += (await lstat(path)).size
  }
  return bytes
}

/** False for one that a process is at. */
async function removeAll(part: string, files: readonly string[]): Promise<boolean> {
  const lock = `${part}.lock`
  try {
    await takeLock(lock, 'another process receives this file')
    // a directory that has the only copy of what it was to replace is for a person, or for the transfer that takes it up
    const removed = !hasOld(part)
    if (removed) for (const file of files.filter(each => each !== lock)) await removeStaging(file)
    await unlink(lock)
    return removed
  } catch (cause) {
    if (SftError.is(cause)) {
      if (cause.code === 'ERR_SFT_BUSY') return false
      throw cause
    }
    throw new SftError('ERR_SFT_FILE', `${part} can not be removed`, { cause })
  }
}
