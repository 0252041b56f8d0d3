import { randomBytes } from 'node:crypto'
import { constants, type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SftError } from '../../streams/errors.ts'

/** Small files that must be whole or absent, and private: keys, certificates, the state beside them. */

/** No file of ours but a revocation list is near this size, in bytes. */
const MAX_FILE = 256 * 1024

/** Makes a directory, and those above it, that only its owner enters; one that exists keeps its mode. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await orFileError('a directory cannot be made', mkdir(path, { recursive: true, mode: 0o700 }))
}

/**
 * Writes text to a new file of mode 0600 that is on the disk when this returns. A file that could not be written whole is removed.
 *
 * @throws SftError ERR_SFT_EXISTS when something has this path; ERR_SFT_FILE for a fault of the disk.
 */
export async function writePrivate(path: string, text: string, mode = 0o600): Promise<void> {
  const handle = await open(path, 'wx', mode).catch(cause => {
    if (codeOf(cause) === 'EEXIST') throw new SftError('ERR_SFT_EXISTS', `${basename(path)} exists already`, { cause })
    throw new SftError('ERR_SFT_FILE', `${basename(path)} cannot be created`, { cause })
  })
  try {
    await handle.writeFile(text)
    // The umask may have taken bits away from a file that is meant to be handed out.
    await handle.chmod(mode)
    await handle.sync()
  } catch (cause) {
    await rm(path, { force: true })
    throw new SftError('ERR_SFT_FILE', `${basename(path)} cannot be written`, { cause })
  } finally {
    await handle.close()
  }
}

/**
 * Puts text in the place of a file: after a crash at any moment the path has the old contents or the new ones, whole.
 *
 * @throws SftError ERR_SFT_FILE for a fault of the disk; the old file is then as it was.
 */
export async function replacePrivate(path: string, text: string, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}`)
  await writePrivate(temporary, text, mode)
  try {
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw new SftError('ERR_SFT_FILE', `${basename(path)} cannot be replaced`, { cause })
  }
  await syncDirectory(dirname(path))
}

/** True when something has this path, as far as it can be seen. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await orFileError('a directory cannot be opened', open(path, 'r'))
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Reads a small text file; undefined when there is none.
 *
 * @param max - bytes; 256 KiB by default.
 * @throws SftError ERR_SFT_FILE when it cannot be read or is larger.
 */
export async function readSmallFile(path: string, max = MAX_FILE): Promise<string | undefined> {
  return readChecked(path, max, async () => {})
}

/**
 * Reads a file that holds a secret; undefined when there is none.
 *
 * @throws SftError ERR_SFT_FILE also when group or others may do anything with it.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  return readChecked(path, MAX_FILE, async handle => {
    const { mode } = await handle.stat()
    if ((mode & 0o077) === 0) return
    const hint = `chmod 600 ${path}`
    throw new SftError('ERR_SFT_FILE', `${basename(path)} is open to group or others`, { hint })
  })
}

async function readChecked(
  path: string,
  max: number,
  check: (handle: FileHandle) => Promise<void>
): Promise<string | undefined> {
  // Not blocking on a FIFO that was put here; a device or a pipe then fails the size check.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(cause => {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw new SftError('ERR_SFT_FILE', `${basename(path)} cannot be opened`, { cause })
  })
  if (handle === undefined) return undefined
  try {
    const stat = await handle.stat()
    if (!stat.isFile() || stat.size > max) throw new SftError('ERR_SFT_FILE', `${basename(path)} is no small file`)
    await check(handle)
    return await orFileError(`${basename(path)} cannot be read`, handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
}

async function orFileError<T>(message: string, attempt: Promise<T>): Promise<T> {
  return attempt.catch(cause => {
    throw new SftError('ERR_SFT_FILE', message, { cause })
  })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
