import { isPlainName } from '../../streams/write-file.ts'

/** One thing of a directory tree, as an archive tells it (SPEC §8.5). */

export interface Entry {
  /** From the top component down, joined by `/`. Names are bytes, each as one character (latin1): file systems know no encoding. */
  readonly path: string
  readonly type: 'file' | 'directory' | 'link'
  /** Permission bits, 0 to 0o777. */
  readonly mode: number
  /** ns since 1970. */
  readonly mtime: bigint
  /** ns since 1970: with the size and `mtime` it tells the state of a file. */
  readonly ctime: bigint
  /** Bytes of a file; 0 of anything else. */
  readonly size: number
  /** The file has holes. */
  readonly sparse: boolean
  /** Where a link leads, in bytes as `path`; '' of anything else. */
  readonly target: string
}

/** The kind of a stream that is the archive of a directory, in offers and metadata. */
export const TREE = 1

/** Bytes of a path, and of a link's target. */
export const MAX_PATH_BYTES = 4096
/** Directories inside one another: each is open while it is written or read. */
export const MAX_DEPTH = 128

/** The components of an entry's path; undefined for a path that is none: empty, absolute, with `.` or `..`, too long, too deep. */
export function componentsOf(path: string): readonly string[] | undefined {
  const components = path.split('/')
  const good = path.length <= MAX_PATH_BYTES && components.length <= MAX_DEPTH && components.every(isPlainBytes)
  return good ? components : undefined
}

function isPlainBytes(name: string): boolean {
  return name.length <= 255 && isPlainName(name.length < 128 ? name : name.replace(/[^\0-\x7f]/g, '_'))
}

/**
 * Whether a link leads to a place in the tree, whatever other links are there (M69): relative, every `..` at its beginning, and not more of those than
 * there are directories between it and the top.
 *
 * @param path of the link itself
 */
export function leadsInside(path: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0') || target.length > MAX_PATH_BYTES) return false
  const components = target.split('/').filter(each => each !== '' && each !== '.')
  const ups = components.findIndex(each => each !== '..')
  const leading = ups < 0 ? components.length : ups
  const above = path.split('/').length - 2
  return leading <= above && !components.slice(leading).includes('..')
}
