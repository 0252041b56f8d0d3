import { createHash, randomBytes } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, rename, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { takeLock, tryLock } from '../../auth/identity/lock-file.ts'
import { readSmallFile } from '../../auth/identity/private-file.ts'
import { claimName, type Existing } from '../../streams/existing.ts'
import { partPath, removePart, type Witness } from '../../streams/write-file.ts'
import { bootId } from '../boot-id.ts'
import { Lease } from '../lease.ts'
import type { PartialOwner } from '../partial.ts'
import { flushTree } from './flush.ts'
import { Places } from './places.ts'
import { TREE_NAME } from './tree-writer.ts'
import type { Standing } from './unpack.ts'

/**
 * A directory that waits for its name (SPEC §8.5, M70): `.NAME.….part` beside it, nobody else's, with the tree, and a journal that says where one stands in its archive.
 */

const JOURNAL = 'journal'
/** What had the name before, for as long as it is exchanged. */
const OLD_NAME = 'old'
/** Bytes of a journal: 128 levels with names of 255 bytes, each as up to six characters, and a path. */
const MAX_JOURNAL = 512 * 1024
const PRIVATE = 0o700

export interface CommitOptions {
  /** Default: `refuse`. */
  readonly existing?: Existing | undefined
  readonly witness?: Witness | undefined
}

export class Staging {
  readonly path: string
  readonly #locked: boolean
  readonly #handle: FileHandle

  private constructor(path: string, locked: boolean, handle: FileHandle) {
    this.path = path
    this.#locked = locked
    this.#handle = handle
  }

  /** Makes one anew, in the place of what an earlier attempt has left; while another process is at that, in another place. */
  static async begin(directory: string, name: string, owner: PartialOwner | undefined, held = false): Promise<Staging> {
    const own = stagingPath(directory, name, owner)
    const locked = held || (owner !== undefined && (await tryLock(lockOf(own))))
    const path = locked ? own : stagingPath(directory, name, undefined)
    await restore(path, join(directory, name))
    await removeStaging(path)
    await mkdir(path, PRIVATE)
    return new Staging(path, locked, await openDirectory(path))
  }

  /** Opens what an earlier attempt has left. @param held the lock is the caller's, and handed over @throws SftError ERR_SFT_BUSY while another process is at it. */
  static async resume(directory: string, name: string, owner: PartialOwner, held = false): Promise<Staging> {
    const path = stagingPath(directory, name, owner)
    if (!held) await takeLock(lockOf(path), 'another process receives this directory')
    return new Staging(path, true, await openDirectory(path))
  }

  /** Descriptor of the directory in which the tree is. */
  get fd(): number {
    return this.#handle.fd
  }

  /** Where one stands: read again by `standingAt`, unless the power went meanwhile. */
  async note(standing: Standing): Promise<void> {
    const next = await open(join(this.path, `${JOURNAL}.next`), 'w', 0o600)
    try {
      await next.writeFile(await encode(standing))
    } finally {
      await next.close()
    }
    await rename(join(this.path, `${JOURNAL}.next`), join(this.path, JOURNAL))
  }

  /** Puts the tree on the disk and gives it its name, or another (M90). @returns the name @throws SftError ERR_SFT_EXISTS */
  async commit(directory: string, name: string, { existing = 'refuse', witness }: CommitOptions): Promise<string> {
    const tree = join(this.path, TREE_NAME)
    await flushTree(this.#handle, tree)
    const { ino, birthtimeNs, mtimeNs } = await lstat(tree, { bigint: true })
    await witness?.naming({ ino, birthtimeNs, mtimeNs, bytes: 0 })
    const given = await this.#nameTree(tree, directory, name, existing)
    const parent = await openDirectory(directory)
    await parent.sync().finally(() => parent.close())
    await witness?.named()
    return given
  }

  /** The last call. */
  async close(kept: boolean): Promise<void> {
    await this.#handle.close()
    if (!kept) await removeStaging(this.path)
    if (this.#locked) await removePart(lockOf(this.path))
  }

  async #nameTree(tree: string, directory: string, name: string, existing: Existing): Promise<string> {
    const target = join(directory, name)
    if (existing !== 'replace' || !existsSync(target))
      return claimName(name, { existing }, candidate => claim(tree, join(directory, candidate)))
    await this.#exchange(tree, target)
    return name
  }

  async #exchange(tree: string, target: string): Promise<void> {
    const old = join(this.path, OLD_NAME)
    await rename(target, old)
    try {
      await rename(tree, target)
    } catch (error) {
      await rename(old, target)
      throw error
    }
  }
}

/** Where an earlier attempt came to; undefined where there is none that one could trust. */
export async function standingAt(directory: string, name: string, owner: PartialOwner): Promise<Standing | undefined> {
  const journal = join(stagingPath(directory, name, owner), JOURNAL)
  if (!existsSync(journal)) return undefined
  const text = await readSmallFile(journal, MAX_JOURNAL).catch(() => undefined)
  return text === undefined ? undefined : decode(text)
}

/** What an earlier attempt has left, for whoever goes on with it. */
export function leaseOn(directory: string, name: string, owner: PartialOwner): Lease {
  return new Lease(lockOf(stagingPath(directory, name, owner)))
}

/** Removes a staging directory, and nothing where there is none. One that has the only copy of what had the name before stays. */
export async function removeStaging(path: string): Promise<void> {
  const parent = await openDirectory(dirname(path))
  try {
    const name = Buffer.from(basename(path)).toString('latin1')
    await new Places().removeAll({ directory: parent.fd, name }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  } finally {
    await parent.close()
  }
}

/** True for a staging directory that a crash has left with the only copy of what had the name before. */
export function hasOld(path: string): boolean {
  return existsSync(join(path, OLD_NAME))
}

async function restore(path: string, target: string): Promise<void> {
  if (hasOld(path) && !existsSync(target)) await rename(join(path, OLD_NAME), target)
}

/** Takes a name that nobody has, and the directory's place with it: `rename` replaces an empty directory, in one step. False when the name is taken. */
async function claim(tree: string, target: string): Promise<boolean> {
  try {
    await mkdir(target, PRIVATE)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
  await rename(tree, target).catch(async error => {
    await rmdir(target)
    throw error
  })
  return true
}

function stagingPath(directory: string, name: string, owner: PartialOwner | undefined): string {
  const id = owner
    ? createHash('sha256').update(`tree ${owner.direction} ${owner.peer}`).digest('hex').slice(0, 12)
    : randomBytes(6).toString('hex')
  return partPath(directory, name, id)
}

function lockOf(path: string): string {
  return `${path}.lock`
}

function openDirectory(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
}

async function encode(standing: Standing): Promise<string> {
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value)
  const chain = Buffer.from(standing.chain).toString('hex')
  return JSON.stringify({ ...standing, chain, boot: await bootId() }, plain)
}

/** Of our own making, in a directory that is nobody else's; a crash may have cut it, and a power cut made it wrong. */
async function decode(text: string): Promise<Standing | undefined> {
  try {
    const { boot, chain, levels, file, ...rest } = JSON.parse(text)
    if (boot !== (await bootId())) return undefined
    const times = <T extends { mtime: string }>(each: T) => ({ ...each, mtime: BigInt(each.mtime) })
    const entry = file && { ...times(file.entry), ctime: BigInt(file.entry.ctime) }
    return {
      ...rest,
      chain: Buffer.from(chain, 'hex'),
      levels: levels.map(times),
      ...(file && { file: { ...file, entry } })
    }
  } catch {
    return undefined
  }
}
