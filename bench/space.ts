import { statfs } from 'node:fs/promises'
import { freemem } from 'node:os'
import { formatSize } from './report.ts'

/** What statfs calls a memory file system of Linux. */
const TMPFS = 0x01021994

/** @throws Error unless a directory has room for so many bytes: a full disk, or memory file system, hurts whoever else uses the machine. */
export async function requireSpace(directory: string, bytes: number): Promise<void> {
  if (!(await hasRoom(directory, bytes))) throw new Error(`${directory} has no room for ${formatSize(bytes)}`)
}

export async function hasRoom(directory: string, bytes: number): Promise<boolean> {
  const { bavail, bsize, type } = await statfs(directory)
  // a memory file system promises more than the machine may have
  return bavail * bsize >= bytes && (type !== TMPFS || freemem() >= bytes)
}

/** Whether files below a directory are in memory alone. */
export async function isMemory(directory: string): Promise<boolean> {
  const found = await statfs(directory).catch(() => undefined)
  return found?.type === TMPFS
}
