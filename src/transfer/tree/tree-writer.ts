import { runsOf } from '../../streams/holes.ts'
import type { Entry } from './entry.ts'
import { ABOVE, placeAfter, requireTop, type Step } from './order.ts'
import { type Place, Places } from './places.ts'
import { makeWholeFile } from './whole-file.ts'

/**
 * Makes the entries of an archive below a directory of one's own (SPEC §8.5, M68 to M70). An entry goes only into the directory that is open on the way down to it, by its
 * descriptor, and under a name that comes after those before it: so nothing is met twice, no link is followed, and nothing leads elsewhere.
 */

/** A directory on the way down. */
export interface Level extends Step {
  readonly fd: number
  readonly mode: number
  readonly mtime: bigint
}

/** What a level is without its descriptor, to be opened again. */
export type LevelState = Omit<Level, 'fd'>

/** The top directory waits under this name for its own. */
export const TREE_NAME = 'tree'

export class TreeWriter {
  readonly places: Places
  readonly #levels: Level[]

  private constructor(places: Places, levels: Level[]) {
    this.places = places
    this.#levels = levels
  }

  /** Begins in a directory that is open and empty; its owner closes it. */
  static begin(root: number, places = new Places()): TreeWriter {
    return new TreeWriter(places, [{ ...ABOVE, fd: root, mode: 0o700, mtime: 0n }])
  }

  /** Goes on where the directories on the way down were these; what came after is removed. */
  static async resume(root: number, states: readonly LevelState[], places = new Places()): Promise<TreeWriter> {
    const writer = new TreeWriter(places, [])
    let fd = root
    for (const [depth, state] of states.entries()) {
      if (depth > 0) fd = await places.openDirectory({ directory: fd, name: depth === 1 ? TREE_NAME : state.name })
      writer.#levels.push({ ...state, fd })
      if (depth > 0) await removeAfter(places, fd, state.last)
    }
    return writer
  }

  get levels(): readonly LevelState[] {
    return this.#levels.map(({ fd: _, ...state }) => state)
  }

  /** Names an entry that comes next, and gives its place. @throws SftError ERR_SFT_ENCODING for one that has none there. */
  async place(entry: Entry): Promise<Place> {
    const { depth, name } = placeAfter(this.#levels, entry)
    while (this.#levels.length > depth) await this.#leave()
    const parent = this.#levels.at(-1) as Level
    parent.last = name
    return { directory: parent.fd, name: depth === 1 ? TREE_NAME : name }
  }

  /** Where the entry that came last is. */
  current(): Place {
    const { fd, last } = this.#levels.at(-1) as Level
    return { directory: fd, name: last }
  }

  async makeDirectory(place: Place, { path, mode, mtime }: Entry): Promise<void> {
    await this.places.makeDirectory(place, mode | 0o700)
    const fd = await this.places.openDirectory(place)
    const name = path.slice(path.lastIndexOf('/') + 1)
    this.#levels.push({ fd, name, mode, mtime, last: '' })
  }

  async makeLink(place: Place, { target, mtime }: Entry): Promise<void> {
    await this.places.makeLink(place, target)
    await this.places.setLinkTime(place, { mtime })
  }

  makeFile(place: Place, { mode }: Entry): Promise<number> {
    return this.places.createFile(place, mode | 0o600)
  }

  /** Makes a file of which all is there. */
  makeWhole(place: Place, { mode, mtime }: Entry, bytes: Uint8Array): Promise<void> {
    return makeWholeFile(this.places, place, { mode, mtime, bytes })
  }

  /** Writes bytes of a file; of one that had holes, what is zero stays one. */
  async write(fd: number, bytes: Uint8Array, position: number, sparse: boolean): Promise<void> {
    if (!sparse) return this.places.writeAll(fd, bytes, position)
    for (const [from, to] of runsOf(bytes)) await this.places.writeAll(fd, bytes.subarray(from, to), position + from)
  }

  /** Gives a file its size, mode and time, and closes it. */
  async finishFile(fd: number, { mode, mtime, size, sparse }: Entry): Promise<void> {
    if (sparse) await this.places.truncate(fd, size)
    if ((mode & 0o600) !== 0o600) await this.#restrict(fd, mode)
    await this.places.setTime(fd, { mtime })
    await this.places.close(fd)
  }

  /** Ends all directories: the archive is over. @throws SftError ERR_SFT_ENCODING when nothing was in it. */
  async finish(): Promise<void> {
    requireTop(this.#levels)
    while (this.#levels.length > 1) await this.#leave()
  }

  /** Lets go of every descriptor, wherever it stands. */
  async close(): Promise<void> {
    for (const { fd } of this.#levels.splice(1)) await this.places.close(fd)
  }

  async #leave(): Promise<void> {
    const level = this.#levels.pop() as Level
    if ((level.mode & 0o700) !== 0o700) await this.#restrict(level.fd, level.mode)
    await this.places.setTime(level.fd, level)
    await this.places.close(level.fd)
  }

  /** What the system's umask has left of a mode stays; its owner's part is as it was told. */
  async #restrict(fd: number, mode: number): Promise<void> {
    const made = Number((await this.places.fstat(fd)).mode)
    await this.places.setMode(fd, (made & 0o077) | (mode & 0o700))
  }
}

async function removeAfter(places: Places, directory: number, last: string): Promise<void> {
  for (const name of await places.list(directory)) if (name > last) await places.removeAll({ directory, name })
}
