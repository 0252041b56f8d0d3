import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { SftError } from '../streams/errors.ts'
import { readFile } from '../streams/read-file.ts'
import { isPlainName } from '../streams/write-file.ts'
import type { Outgoing } from './session-streams.ts'

/** Confines what peers may ask for to one directory (SPEC §8, M35; attack A14 of the classic system). */

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants
const MAX_PATH_BYTES = 4096

export interface ExportRoot extends AsyncDisposable {
  /**
   * Opens a regular file below the root. Links inside the root work; a path that leads out, by `..`, an absolute path, a link, or a
   * change of a link while it is resolved, does not. Every refusal is the same ERR_SFT_NOT_FOUND.
   */
  open(path: string): Promise<OpenedFile>
}

export interface OpenedFile {
  handle: FileHandle
  stat: BigIntStats
  /** Last component of the path. */
  name: string
}

export interface ExportOptions {
  /** Serves files that have another name somewhere, which may lie outside the root. Default false. */
  hardLinks?: boolean
}

/** Opens the directory whose regular files peers may ask for; it stays that directory even if it is renamed. */
export async function openExportRoot(directory: string, options: ExportOptions = {}): Promise<ExportRoot> {
  const real = await realpath(directory).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not serve ${directory}: ${cause.message}`, { cause })
  })
  const root = await open(real, O_RDONLY | O_DIRECTORY).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not serve ${directory}: ${cause.message}`, { cause })
  })
  return {
    open: path => openBelow(root, path, options),
    [Symbol.asyncDispose]: () => root.close()
  }
}

async function openBelow(root: FileHandle, path: string, options: ExportOptions): Promise<OpenedFile> {
  try {
    if (!isPlausible(path)) throw new Error('not a path below a directory')
    const real = await realpath(`/proc/self/fd/${root.fd}`)
    const below = relative(real, await realpath(join(real, path)))
    const components = below.split(sep)
    if (below === '' || components[0] === '..') throw new Error('leads out of the root')
    const handle = await walk(root, components)
    return { handle, stat: await requireServable(handle, options), name: basename(path) }
  } catch (cause) {
    throw new SftError('ERR_SFT_NOT_FOUND', 'no such file', { cause })
  }
}

/** Ends in the name of a file, starts at the root, and is of a length that a request can have. */
function isPlausible(path: string): boolean {
  const last = path.slice(path.lastIndexOf('/') + 1)
  return isPlainName(last) && !path.startsWith('/') && !path.includes('\0') && Buffer.byteLength(path) <= MAX_PATH_BYTES
}

/**
 * Opens component by component from the root's descriptor, following no link: what was resolved above may have changed since, and
 * then this fails. `/proc/self/fd/N/name` behaves like `openat`; where there is no /proc (not Linux) this fails closed.
 */
async function walk(root: FileHandle, components: string[]): Promise<FileHandle> {
  let current = root
  try {
    for (const [i, component] of components.entries()) {
      const last = i === components.length - 1
      // O_NONBLOCK: opening a FIFO would wait for a writer
      const next = await open(
        `/proc/self/fd/${current.fd}/${component}`,
        O_RDONLY | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY)
      )
      if (current !== root) await current.close()
      current = next
    }
    return current
  } catch (error) {
    if (current !== root) await current.close()
    throw error
  }
}

async function requireServable(handle: FileHandle, options: ExportOptions): Promise<BigIntStats> {
  const stat = await handle.stat({ bigint: true })
  if (stat.isFile() && (stat.nlink === 1n || options.hardLinks)) return stat
  await handle.close()
  throw new Error('not a regular file with one name')
}

/** What is sent of an opened file; disposing of it closes the file. */
export function outgoingFile({ handle, stat, name }: OpenedFile): Outgoing & AsyncDisposable {
  return {
    metadata: fileMetadata(stat, name),
    file: true,
    owned: true,
    source: signal => readFile(handle, { announced: stat, signal }),
    [Symbol.asyncDispose]: () => handle.close()
  }
}

/** What a header says of a regular file. */
export function fileMetadata(stat: BigIntStats, name: string) {
  return { name, size: Number(stat.size), mtime: Number(stat.mtimeMs), mode: Number(stat.mode & 0o777n) }
}
