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

interface Level {
  /** Below the top, with a slash at its end unless it is the top. */
  readonly prefix: string
  readonly depth: number
}

/**
 * Walks what is in a directory that is open, itself first. No link is followed. Holds a descriptor for each directory on the way down, and the names of each.
 *
 * @param directory its owner closes it
 */
export async function* walk(directory: number, options: WalkOptions): AsyncGenerator<Walked, void, undefined> {
  const walker = new Walker(options)
  const stat = await walker.places.fstat(directory)
  yield* walker.directory(directory, walker.entryOf('', 'directory', stat), { prefix: '', depth: 1 })
}

class Walker {
  readonly places: Places
  readonly #options: WalkOptions
  readonly #lazy: boolean
  /** Directories on the way down that nothing was told of yet. */
  #pending: Entry[] = []

  constructor(options: WalkOptions) {
    this.#options = options
    this.places = options.places ?? new Places()
    this.#lazy = options.lazy === true || options.filter.lazy
  }

  async *directory(fd: number, entry: Entry, level: Level): AsyncGenerator<Walked> {
    if (this.#lazy && level.depth > 1) this.#pending.push(entry)
    else yield { entry }
    for (const listed of await this.places.entries(fd)) yield* this.#thing(fd, listed, level)
    // nothing of it was sent
    this.#pending = this.#pending.filter(each => each !== entry)
  }

  /** What it was when it was listed decides what is tried; that it is that is seen once it is open, so that no link is followed. */
  async *#thing(directory: number, listed: Listed, { prefix, depth }: Level): AsyncGenerator<Walked> {
    const place = { directory, name: listed.name }
    const path = `${prefix}${listed.name}`
    const { filter } = this.#options
    const wanted = listed.isDirectory() ? filter.enters(path) : filter.takes(path)
    if (!wanted) return
    if (depth >= MAX_DEPTH || this.#options.top.length + path.length + 2 > MAX_PATH_BYTES)
      return this.#omit(path, 'too deep or too long')
    if (listed.isDirectory()) yield* this.#below(place, path, depth)
    else if (listed.isFile()) yield* this.#file(place, path)
    else if (listed.isSymbolicLink()) yield* this.#link(place, path)
    else this.#omit(path, 'no file, directory or link')
  }

  async *#below(place: Place, path: string, depth: number): AsyncGenerator<Walked> {
    const fd = await this.places.openDirectory(place).catch(error => this.#unopened(path, error))
    if (fd === undefined) return
    try {
      const entry = this.entryOf(path, 'directory', await this.places.fstat(fd))
      yield* this.directory(fd, entry, { prefix: `${path}/`, depth: depth + 1 })
    } finally {
      await this.places.close(fd)
    }
  }

  async *#file(place: Place, path: string): AsyncGenerator<Walked> {
    const opened = await openWhole(this.places, place).catch(error => this.#unopened(path, error))
    if (opened === undefined) return
    const { fd, stat } = opened
    try {
      const refused = stat.isFile() ? await this.#options.gate?.(path, stat) : 'no file, directory or link'
      if (refused !== undefined) return this.#omit(path, refused)
      yield* this.#leading()
      yield { entry: this.entryOf(path, 'file', stat), file: { fd, stat } }
    } finally {
      await this.places.close(fd)
    }
  }

  async *#link(place: Place, path: string): AsyncGenerator<Walked> {
    const target = await this.places.readLink(place).catch(error => this.#unopened(path, error))
    if (target === undefined) return
    const stat = await this.places.lstat(place).catch(error => this.#unopened(path, error))
    if (stat === undefined) return
    const entry = { ...this.entryOf(path, 'link', stat), target }
    const refused = leadsInside(entry.path, target)
      ? await this.#options.gate?.(path, stat)
      : 'leads out of the directory'
    if (refused !== undefined) return this.#omit(path, refused)
    yield* this.#leading()
    yield { entry }
  }

  *#leading(): Generator<Walked> {
    const pending = this.#pending
    this.#pending = []
    for (const entry of pending) yield { entry }
  }

  entryOf(path: string, type: Entry['type'], stat: BigIntStats): Entry {
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
  #unopened(path: string, error: NodeJS.ErrnoException): undefined {
    if (error.code !== 'ENOENT') this.#omit(path, 'can not be read')
  }

  #omit(path: string, why: Omission | 'hidden'): void {
    if (why !== 'hidden') this.#options.onOmitted(path, why)
  }
}
