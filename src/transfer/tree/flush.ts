import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { Places } from './places.ts'

/** Puts a tree on the disk. */

/** ms for the whole file system to be written; after them file by file is no quicker, but it ends. */
const SYNC_MS = 600_000

/**
 * One flush for all of it: `syncfs`, which Node has not and `sync -f` of coreutils is; a flush for each of 10,000 files takes minutes. Without that command it is done file by file.
 *
 * @param handle of the directory that the tree is in
 */
export async function flushTree(handle: FileHandle, tree: string): Promise<void> {
  if (!(await syncFileSystem(tree))) await flushEach(new Places(), handle.fd)
  await handle.sync()
}

async function syncFileSystem(path: string): Promise<boolean> {
  // what moves no tree need not load it
  const { spawn } = await import('node:child_process')
  return new Promise(resolve => {
    const child = spawn('sync', ['-f', path], { stdio: 'ignore', timeout: SYNC_MS })
    child.once('error', () => resolve(false))
    child.once('exit', code => resolve(code === 0))
  })
}

async function flushEach(places: Places, directory: number): Promise<void> {
  for (const name of await places.list(directory)) {
    const place = { directory, name }
    const stat = await places.lstat(place)
    if (stat.isSymbolicLink()) continue
    const fd = stat.isDirectory() ? await places.openDirectory(place) : await places.openFile(place)
    try {
      if (stat.isDirectory()) await flushEach(places, fd)
      const own = await open(`/proc/self/fd/${fd}`, 'r')
      await own.sync().finally(() => own.close())
    } finally {
      await places.close(fd)
    }
  }
}
