import { createHash, randomBytes } from 'node:crypto'
import { accessSync, constants, createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { dataDirectory, initEmbedded } from '../src/index.ts'
import { Children } from './children.ts'
import { requireSpace } from './space.ts'

/** What every case of a run shares: a temporary directory, the children, source files, and throw-away keys. */

export interface WorldOptions {
  /** Bytes of the file that is moved. */
  readonly size: number
  readonly quick: boolean
  readonly full: boolean
  /** Where the temporary directory goes. Default: the system's. */
  readonly directory?: string | undefined
}

/** A file to move, in the page cache, and its SHA-256. */
export interface SourceFile {
  readonly path: string
  readonly name: string
  readonly bytes: number
  readonly hash: string
}

const PIECE = 1024 * 1024
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
  #targets = 0

  private constructor(options: WorldOptions, directory: string) {
    this.options = options
    this.directory = directory
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

  /** A path for what a transfer makes; whoever asks gives it to `discard`. */
  target(): string {
    return join(this.directory, `target-${this.#targets++}`)
  }

  /** Removes a target, wherever the directory of this run is. @throws Error for any other path, such as a device. */
  async discard(target: string): Promise<void> {
    if (dirname(target) !== this.directory) throw new Error(`${target} is no target of this run`)
    await rm(target, { force: true })
  }

  /** The file that is moved: random bytes, `--size` of them unless told otherwise. */
  source(bytes: number = this.options.size): Promise<SourceFile> {
    return this.once(`source ${bytes}`, async () => {
      const name = `source-${bytes}`
      const path = join(await this.place('source'), name)
      return { path, name, bytes, hash: await writeRandom(path, bytes) }
    })
  }

  /** An identity of our own, for the command by this environment; sender and receiver are one. */
  identity(): Promise<Record<string, string>> {
    return this.once('identity', async () => {
      const env = { XDG_DATA_HOME: await this.place('identity') }
      await initEmbedded(dataDirectory(env), { name: NAME })
      return env
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#cleanups.map(cleanup => cleanup()))
    await this.children[Symbol.asyncDispose]()
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** `not installed` when one of the programs is not there; `undefined` when all are. */
export function missing(...programs: readonly string[]): string | undefined {
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const isThere = (program: string): boolean => places.some(place => isExecutable(join(place, program)))
  return programs.every(isThere) ? undefined : 'not installed'
}

/** @throws Error unless a copy is what was sent. */
export async function requireCopy(path: string, source: SourceFile): Promise<void> {
  const digest = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: PIECE }), digest)
  if ((await stat(path)).size !== source.bytes || digest.digest('hex') !== source.hash) {
    throw new Error('the copy is not what was sent')
  }
}

async function writeRandom(path: string, bytes: number): Promise<string> {
  const digest = createHash('sha256')
  await using file = await open(path, 'wx')
  for (let left = bytes; left > 0; left -= PIECE) {
    const piece = randomBytes(Math.min(left, PIECE))
    digest.update(piece)
    await file.writeFile(piece)
  }
  return digest.digest('hex')
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
