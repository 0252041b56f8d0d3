import { statfs } from 'node:fs/promises'
import { formatSize } from './report.ts'

/** @throws Error unless a directory has room for so many bytes: a full disk, or memory file system, hurts whoever else uses the machine. */
export async function requireSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize < bytes) throw new Error(`${directory} has no room for ${formatSize(bytes)}`)
}
