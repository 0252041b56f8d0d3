import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/** What tells the time between two starts of the system: what was written within it is there, on the disk or not. Of a system without one, every look is after a power cut. */
export async function bootId(): Promise<string> {
  const unknown = createHash('sha256').update(`${process.pid} ${performance.now()}`).digest('hex')
  return readFile(BOOT_ID, 'utf8').then(
    text => text.trim(),
    () => unknown
  )
}
