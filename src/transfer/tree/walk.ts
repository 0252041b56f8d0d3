import type { BigIntStats } from 'node:fs'
import { hasHoles } from '../export-root.ts'
import { type Entry, leadsInside, MAX_DEPTH, MAX_PATH_BYTES } from './entry.ts'
import type { Filter } from './filter.ts'
import { type Listed, type Place, Places } from './places.ts'
import { openWhole } from './whole-file.ts'

/** A directory tree, in the one order that two walks of the same tree share: a directory before what is in it, names by their bytes. */

/** Why something is not sent. */
export type Omission =
  | 'can not be read'
  | 'no file, directory or link'
  | 'has another name'
  | 'leads out of the directory'
  | 'too deep or too long'
  | 'changes while it is read'
  | 'is not there'

/** A file or a link may be refused for reasons of its own; one that is hidden is not even counted. */
export type Gate = (path: string, stat: BigIntStats) => Promise<Omission | 'hidden' | undefined>

export interface WalkOptions {
  /** Name of the top directory in the paths of the entries, in bytes. */
  readonly top: string
  readonly filter: Filter
  readonly gate?: Gate | undefined
  /** Directories are told only once something in them is, as always with a filter that names files. Default false. */
  readonly lazy?: boolean | undefined
  readonly places?: Places | undefined
  /** Told of what is left out; `path` is below the top, in bytes. */
  readonly onOmitted: (path: string, why: Omission) => void
}

/** An entry; a file's descriptor is open until the next one is asked for. */
export interface Walked {
  readonly entry: Entry
  readonly file?: { readonly fd: number; readonly stat: BigIntStats } | undefined
}

/** A directory on the way down. */
interface Level {
  readonly fd: number
  readonly entry: Entry
  /** Below the top, with a slash at its end unless it is the top. */
  readonly prefix: string
  readonly names: readonly Listed[]
  next: number
}

/**
 * Walks what is in a directory that is open, itself first. No link is followed. Holds a descriptor for each directory on the way down, and the names of each.
 *
 * @param directory its owner closes it
 */
export function walk(directory: number, options: WalkOptions): AsyncGenerator<Walked, void, undefined> {
  return new Walker(options).walk(directory)
}

/** One generator with the way down in a list: an entry that passed through a generator for each directory above it would cost more than its file. */
class Walker {
  readonly #places: Places
  readonly #options: WalkOptions
  readonly #lazy: boolean
  readonly #levels: Level[] = []
  /** Directories on the way down that nothing was told of yet. */
  #pending: Entry[] = []

  constructor(options: WalkOptions) {
    this.#options = options
    this.#places = options.places ?? new Places()
    this.#lazy = options.lazy === true || options.filter.lazy
  }

  async *walk(directory: number): AsyncGenerator<Walked, void, undefined> {
    try {
      yield await this.#enter(directory, '')
      for (let level = this.#levels.at(-1); level; level = this.#levels.at(-1)) {
        const listed = level.names[level.next++]
        if (listed === undefined) {
          await this.#leave()
          continue
        }
        const found = await this.#thing(level, listed)
        if (found === undefined) continue
        try {
          for (const entry of this.#untold()) yield { entry }
          yield found
        } finally {
          if (found.file) await this.#places.close(found.file.fd)
        }
      }
    } finally {
      while (this.#levels.length > 0) await this.#leave()
    }
  }

  async #enter(fd: number, path: string): Promise<Walked> {
    const entry = this.#entryOf(path, 'directory', await this.#places.fstat(fd))
    const prefix = path === '' ? '' : `${path}/`
    this.#levels.push({ fd, entry, prefix, names: await this.#places.entries(fd), next: 0 })
    return { entry }
  }

  async #leave(): Promise<void> {
    const level = this.#levels.pop()
    // nothing of it was sent
    this.#pending = this.#pending.filter(each => each !== level?.entry)
    if (level && this.#levels.length > 0) await this.#places.close(level.fd)
  }

  /** What it was when it was listed decides what is tried; that it is that is seen once it is open, so that no link is followed. */
  async #thing({ fd, prefix }: Level, listed: Listed): Promise<Walked | undefined> {
    const place = { directory: fd, name: listed.name }
    const path = `${prefix}${listed.name}`
    const { filter } = this.#options
    const wanted = listed.isDirectory() ? filter.enters(path) : filter.takes(path)
    if (!wanted) return undefined
    if (this.#levels.length >= MAX_DEPTH || this.#options.top.length + path.length + 2 > MAX_PATH_BYTES)
      return await this.#omit(place, path, 'too deep or too long')
    if (listed.isDirectory()) return await this.#below(place, path)
    if (listed.isFile()) return await this.#file(place, path)
    if (listed.isSymbolicLink()) return await this.#link(place, path)
    return await this.#omit(place, path, 'no file, directory or link')
  }

  async #below(place: Place, path: string): Promise<Walked | undefined> {
    const fd = await this.#places.openDirectory(place).catch(error => this.#unopened(place, path, error))
    if (fd === undefined) return undefined
    const levels = this.#levels.length
    try {
      const found = await this.#enter(fd, path)
      if (!this.#lazy) return found
      this.#pending.push(found.entry)
      return undefined
    } finally {
      if (this.#levels.length === levels) await this.#places.close(fd)
    }
  }

  async #file(place: Place, path: string): Promise<Walked | undefined> {
    const opened = await openWhole(this.#places, place).catch(error => this.#unopened(place, path, error))
    if (opened === undefined) return undefined
    const { fd, stat } = opened
    let refused: Omission | 'hidden' | undefined = 'can not be read'
    try {
      refused = stat.isFile() ? await this.#options.gate?.(path, stat) : 'no file, directory or link'
      if (refused !== undefined) return this.#leaveOut(path, refused)
    } finally {
      if (refused !== undefined) await this.#places.close(fd)
    }
    this.#options.filter.told(path)
    return { entry: this.#entryOf(path, 'file', stat), file: { fd, stat } }
  }

  async #link(place: Place, path: string): Promise<Walked | undefined> {
    const target = await this.#places.readLink(place).catch(error => this.#unopened(place, path, error))
    if (target === undefined) return undefined
    const stat = await this.#places.lstat(place).catch(error => this.#unopened(place, path, error))
    if (stat === undefined) return undefined
    const entry = { ...this.#entryOf(path, 'link', stat), target }
    const out = leadsInside(entry.path, target) ? undefined : 'leads out of the directory'
    const refused = (await this.#options.gate?.(path, stat)) ?? out
    if (refused !== undefined) return this.#leaveOut(path, refused)
    this.#options.filter.told(path)
    return { entry }
  }

  /** The directories above what is told next, unless they were. */
  #untold(): readonly Entry[] {
    const untold = this.#pending
    if (untold.length > 0) this.#pending = []
    return untold
  }

  #entryOf(path: string, type: Entry['type'], stat: BigIntStats): Entry {
    const { top } = this.#options
    return {
      path: path === '' ? top : `${top}/${path}`,
      type,
      mode: Number(stat.mode & 0o777n),
      mtime: stat.mtimeNs,
      ctime: stat.ctimeNs,
      size: type === 'file' ? Number(stat.size) : 0,
      sparse: type === 'file' && hasHoles(stat),
      target: ''
    }
  }

  /** What went meanwhile was not there. */
  async #unopened(place: Place, path: string, error: NodeJS.ErrnoException): Promise<undefined> {
    if (error.code !== 'ENOENT') await this.#omit(place, path, 'can not be read')
  }

  /** Leaves out what may be hidden, too: then nobody is told that it is there. */
  async #omit(place: Place, path: string, why: Omission): Promise<undefined> {
    const { gate } = this.#options
    const stat = gate && (await this.#places.lstat(place).catch(() => undefined))
    const verdict = stat && (await gate(path, stat))
    this.#leaveOut(path, verdict === 'hidden' ? verdict : why)
  }

  #leaveOut(path: string, why: Omission | 'hidden'): undefined {
    if (why === 'hidden') return
    this.#options.filter.told(path)
    this.#options.onOmitted(path, why)
  }
}
