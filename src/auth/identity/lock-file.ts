import { createHash } from 'node:crypto'
import { open, readFile, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { SftError } from '../../streams/errors.ts'

/** One process at a time. */

/** ms in which whoever has made a lock writes the number of the process into it. */
const LOCK_GRACE_MS = 10_000

/**
 * Makes a file with the process's number; that of a process that is gone is taken over. Whoever has it removes it.
 *
 * @param busy what is said while another process has it
 * @throws SftError ERR_SFT_BUSY while another process has it; ERR_SFT_FILE.
 */
export async function takeLock(lock: string, busy: string): Promise<void> {
  while (!(await made(lock))) {
    const found = await identityOf(lock)
    if (found === undefined) continue
    if (await isHeld(lock)) throw new SftError('ERR_SFT_BUSY', busy, { hint: `${basename(lock)} names it` })
    await removeGone(lock, found, busy)
  }
}

/** The same, where it is no fault that another process has it. */
export async function tryLock(lock: string): Promise<boolean> {
  try {
    await takeLock(lock, 'another process has it')
    return true
  } catch (error) {
    if (SftError.is(error) && error.code === 'ERR_SFT_BUSY') return false
    throw error
  }
}

async function made(lock: string): Promise<boolean> {
  const handle = await open(lock, 'wx', 0o600).catch(cause => {
    if (cause.code === 'EEXIST') return undefined
    throw new SftError('ERR_SFT_FILE', `${basename(lock)} cannot be made`, { cause })
  })
  if (!handle) return false
  await handle.writeFile(String(process.pid)).finally(() => handle.close())
  return true
}

/**
 * Removes the lock of a process that is gone. Of many who find it so one alone does, under a lock that is named after this very file: else a late one would remove that of who has taken it over by then.
 */
async function removeGone(lock: string, identity: string, busy: string): Promise<void> {
  const own = `${lock}.${identity}`
  await takeLock(own, busy)
  try {
    if ((await identityOf(lock)) === identity) await rm(lock, { force: true })
  } finally {
    await rm(own, { force: true })
  }
}

/** Which file it is; undefined when there is none. */
async function identityOf(lock: string): Promise<string | undefined> {
  const found = await stat(lock, { bigint: true }).catch(() => undefined)
  return found && createHash('sha256').update(`${found.ino} ${found.mtimeNs}`).digest('hex').slice(0, 8)
}

/** Whether a process that lives has it. */
export async function isHeld(lock: string): Promise<boolean> {
  const pid = Number(await readFile(lock, 'utf8').catch(() => ''))
  // begun a moment ago, and without its number yet
  if (!(pid > 0)) return Date.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? 0) < LOCK_GRACE_MS
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
