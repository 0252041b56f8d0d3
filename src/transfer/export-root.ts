import { type BigIntStats, constants } from 'node:fs'
import { open as openHandle, realpath } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { SftError } from '../streams/errors.ts'
import type { Pace } from '../streams/pace.ts'
import { PacedFiles } from '../streams/paced-files.ts'
import { readFile } from '../streams/read-file.ts'
import { isPlainName } from '../streams/write-file.ts'
import type { Outgoing } from './outgoing.ts'

/** Confines what peers may ask for to one directory (SPEC §8, M35; attack A14 of the classic system). */

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants
const MAX_PATH_BYTES = 4096
/** What the served directory itself is called to those who get all of it. */
const ROOT_NAME = 'shared'

export interface ExportRoot extends AsyncDisposable {
  /**
   * Opens a regular file below the root. Links inside the root work; a path that leads out, by `..`, an absolute path, a link, or a
   * change of a link while it is resolved, does not. Every refusal is the same ERR_SFT_NOT_FOUND.
   */
  open(path: string): Promise<OpenedFile>
  /** Opens a directory below the root, or the root itself as `.`; refuses alike. */
  openDirectory(path: string): Promise<OpenedDirectory>
}

/** Disposing of it closes the directory. */
export interface OpenedDirectory extends AsyncDisposable {
  fd: number
  /** Last component of the path; of the root, nothing that tells what it is called here. */
  name: string
  /** Where it lies below the root, after links and `..`; '' for the root. */
  path: string
  pace: Pace
  /** Files with another name are served, too. */
  hardLinks: boolean
}

/** Disposing of it closes the file. */
export interface OpenedFile extends AsyncDisposable {
  fd: number
  stat: BigIntStats
  /** Last component of the path. */
  name: string
  /** Where it lies below the root, after links and `..`. */
  path: string
  /** Where the operations on its file system are done. */
  pace: Pace
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
  const root = await openHandle(real, O_RDONLY | O_DIRECTORY).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not serve ${directory}: ${cause.message}`, { cause })
  })
  const place = { root: root.fd, files: new PacedFiles(), options }
  return {
    open: path => openBelow(place, path),
    openDirectory: path => openDirectoryBelow(place, path),
    [Symbol.asyncDispose]: () => root.close()
  }
}

interface Place {
  /** Descriptor of the directory. */
  readonly root: number
  readonly files: PacedFiles
  readonly options: ExportOptions
}

async function openBelow({ root, files, options }: Place, path: string): Promise<OpenedFile> {
  try {
    if (!isPlausible(path)) throw new Error('not a path below a directory')
    const named = path.split('/')
    // most paths have no link and no `..`, and so need no resolving
    const direct = named.every(isPlainName) ? await walk(files, root, named).catch(() => undefined) : undefined
    const place = direct === undefined ? await resolveBelow(files, root, path) : named
    const fd = direct ?? (await walk(files, root, place))
    const stat = await requireServable(files, fd, options)
    const dispose = (): Promise<void> => files.close(fd)
    return { fd, stat, name: basename(path), path: place.join('/'), pace: files.pace, [Symbol.asyncDispose]: dispose }
  } catch (cause) {
    throw new SftError('ERR_SFT_NOT_FOUND', 'no such file', { cause })
  }
}

async function openDirectoryBelow({ root, files, options }: Place, path: string): Promise<OpenedDirectory> {
  try {
    const asked = path.replace(/(?<=.)\/+$/s, '')
    const top = asked === '.'
    if (!top && !isPlausible(asked)) throw new Error('not a path below a directory')
    const place = top ? [] : await resolveBelow(files, root, asked)
    const fd = await walk(files, root, [...place, '.'], O_DIRECTORY)
    const dispose = (): Promise<void> => files.close(fd)
    const { hardLinks = false } = options
    const name = top ? ROOT_NAME : basename(asked)
    return { fd, name, path: place.join('/'), pace: files.pace, hardLinks, [Symbol.asyncDispose]: dispose }
  } catch (cause) {
    throw new SftError('ERR_SFT_NOT_FOUND', 'no such directory', { cause })
  }
}

/** The components below the root that a path with links, or with `..`, leads to. */
async function resolveBelow(files: PacedFiles, root: number, path: string): Promise<string[]> {
  const real = await files.realpath(`/proc/self/fd/${root}`)
  const below = relative(real, await files.realpath(join(real, path)))
  const components = below.split(sep)
  if (below === '' || components[0] === '..') throw new Error('leads out of the root')
  return components
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
async function walk(files: PacedFiles, root: number, components: string[], lastFlag = O_NONBLOCK): Promise<number> {
  let current = root
  try {
    for (const [i, component] of components.entries()) {
      const last = i === components.length - 1
      // O_NONBLOCK: opening a FIFO would wait for a writer
      const next = await files.open(
        `/proc/self/fd/${current}/${component}`,
        O_RDONLY | O_NOFOLLOW | (last ? lastFlag : O_DIRECTORY)
      )
      if (current !== root) await files.close(current)
      current = next
    }
    return current
  } catch (error) {
    if (current !== root) await files.close(current)
    throw error
  }
}

async function requireServable(files: PacedFiles, fd: number, options: ExportOptions): Promise<BigIntStats> {
  const stat = await files.stat(fd)
  if (stat.isFile() && (stat.nlink === 1n || options.hardLinks)) return stat
  await files.close(fd)
  throw new Error('not a regular file with one name')
}

/** What is sent of an opened file; disposing of it closes the file. */
export function outgoingFile(opened: OpenedFile): Outgoing & AsyncDisposable {
  const { fd, stat, name, pace } = opened
  return {
    metadata: fileMetadata(stat, name),
    file: true,
    owned: true,
    stat,
    source: (signal, start = 0) => readFile(fd, { announced: stat, pace, signal, start }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]()
  }
}

/** Whether a file takes less of its disk than its size. */
export function hasHoles({ blocks, size }: BigIntStats): boolean {
  return blocks * 512n < size
}

/** What a header says of a regular file. */
export function fileMetadata(stat: BigIntStats, name: string) {
  const told = { name, size: Number(stat.size), mtime: Number(stat.mtimeMs), mode: Number(stat.mode & 0o777n) }
  return hasHoles(stat) ? { ...told, holes: 1 } : told
}
