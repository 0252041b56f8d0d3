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
  try {
    const handle = await open(lock, 'wx', 0o600)
    await handle.writeFile(String(process.pid))
    await handle.close()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new SftError('ERR_SFT_FILE', `${basename(lock)} cannot be made`, { cause })
    if (await isHeld(lock)) throw new SftError('ERR_SFT_BUSY', busy, { hint: `${basename(lock)} names it` })
    await rm(lock, { force: true })
    await takeLock(lock, busy)
  }
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
