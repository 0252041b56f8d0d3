import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { Children } from './children.ts'
import { PIECE, writeRandom, writeTree } from './files.ts'
import { hasRoom, isMemory, requireSpace } from './space.ts'
import { embeddedUser, type UserEnvironment } from './users.ts'

/** What every case of a run shares: a temporary directory, the children, source files, and throw-away keys. */

export interface WorldOptions {
  /** Bytes of the file that is moved. */
  readonly size: number
  readonly quick: boolean
  readonly full: boolean
  /** Where the temporary directory goes. Default: the system's. */
  readonly directory?: string | undefined
}

/** A file to move, or a directory. */
export interface MovedFile {
  readonly path: string
  readonly name: string
  /** Of a directory those of all its files. */
  readonly bytes: number
  /** It is a directory, of so many files. */
  readonly files?: number
}

/** Random bytes in the page cache, and their SHA-256. */
export interface SourceFile extends MovedFile {
  readonly hash: string
}

/** Where Linux has a memory file system. */
const MEMORY = '/dev/shm'
/** Room for keys, notes and the small files of other cases. */
const SLACK_BYTES = 256 * PIECE
/** The one identity of the benches: an organisation of one, who sends to oneself. */
export const NAME = 'bench'

export class World implements AsyncDisposable {
  readonly options: WorldOptions
  readonly directory: string
  readonly children: Children
  readonly #made = new Map<string, Promise<unknown>>()
  readonly #cleanups: (() => Promise<unknown>)[] = []
  /** Where targets are, and all that goes with the run. */
  readonly #places: string[]
  #targets = 0

  private constructor(options: WorldOptions, directory: string) {
    this.options = options
    this.directory = directory
    this.#places = [directory]
    this.children = new Children(directory)
  }

  static async create(options: WorldOptions): Promise<World> {
    const place = options.directory ?? tmpdir()
    await requireSpace(place, 2 * options.size + SLACK_BYTES)
    return new World(options, await mkdtemp(join(place, 'sft-bench-')))
  }

  /** Makes something once a run, when the first contender asks for it: keys, configurations, files. */
  once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const made = this.#made.get(name) ?? make()
    this.#made.set(name, made)
    return made as Promise<T>
  }

  /** Something to end before the directory goes. */
  defer(cleanup: () => Promise<unknown>): void {
    this.#cleanups.push(cleanup)
  }

  /** A new directory below this run's. */
  async place(name: string): Promise<string> {
    const path = join(this.directory, name)
    await mkdir(path, { recursive: true, mode: 0o700 })
    return path
  }

  /** A directory where no disk is in the way; `undefined` where there is none, or no room in it for two copies, or where all is in memory anyway. */
  memoryDirectory(): Promise<string | undefined> {
    return this.once('memory directory', async () => {
      if (await isMemory(this.directory)) return undefined
      if (!(await isMemory(MEMORY)) || !(await hasRoom(MEMORY, 2 * this.options.size + SLACK_BYTES))) return undefined
      const path = await mkdtemp(join(MEMORY, 'sft-bench-'))
      this.#places.push(path)
      return path
    })
  }

  /** A path for what a transfer makes; whoever asks gives it to `discard`. */
  target(directory: string = this.directory): string {
    return join(directory, `target-${this.#targets++}`)
  }

  /** Removes a target, wherever the directories of this run are. @throws Error for any other path, such as a device. */
  async discard(target: string): Promise<void> {
    if (!this.#places.includes(dirname(target))) throw new Error(`${target} is no target of this run`)
    await rm(target, { force: true, recursive: true })
  }

  /** The file that is moved: random bytes, `--size` of them unless told otherwise. */
  source(bytes: number = this.options.size): Promise<SourceFile> {
    return this.once(`source ${bytes}`, async () => {
      const file = await this.#sourceFile(`source-${bytes}`, bytes)
      return { ...file, hash: await writeRandom(file.path, bytes) }
    })
  }

  /** A directory to move: so many files of random bytes. */
  tree(files: number, bytes: number): Promise<SourceFile> {
    return this.once(`tree ${files}`, async () => {
      const made = await this.#sourceFile(`tree-${files}`, files * bytes)
      return { ...made, files, hash: await writeTree(made.path, files, bytes) }
    })
  }

  /** A file that is one hole: it costs no disk, and reads as zeros. */
  hole(bytes: number): Promise<MovedFile> {
    return this.once(`hole ${bytes}`, async () => {
      const made = await this.#sourceFile(`hole-${bytes}`, bytes)
      await using file = await open(made.path, 'wx')
      await file.truncate(bytes)
      return made
    })
  }

  /** An identity of our own, for the command by this environment; sender and receiver are one. */
  identity(): Promise<UserEnvironment> {
    return this.once('identity', async () => embeddedUser(await this.place('identity'), NAME))
  }

  async #sourceFile(name: string, bytes: number): Promise<MovedFile> {
    return { path: join(await this.place('source'), name), name, bytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#cleanups.map(cleanup => cleanup()))
    await this.children[Symbol.asyncDispose]()
    for (const place of this.#places) await rm(place, { recursive: true, force: true })
  }
}

/** `not installed` when one of the programs is not there; `undefined` when all are. */
export function missing(...programs: readonly string[]): string | undefined {
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const isThere = (program: string): boolean => places.some(place => isExecutable(join(place, program)))
  return programs.every(isThere) ? undefined : 'not installed'
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
