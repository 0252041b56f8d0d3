import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { Pace } from '../../streams/pace.ts'

/**
 * The file system as a tree sees it: a directory is a descriptor, and what is in it has a name of bytes, so that nothing that somebody moves or links meanwhile leads
 * elsewhere. `/proc/self/fd/N/name` behaves like `openat`; where there is no /proc (not Linux) all of this fails.
 */

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants

/** One thing in a directory that is open. */
export interface Place {
  readonly directory: number
  /** Bytes, each as one character. */
  readonly name: string
}

/** A name in a directory, in bytes as of a place, and what has it. */
export type Listed = Pick<fs.Dirent, 'name' | 'isFile' | 'isDirectory' | 'isSymbolicLink'>

export interface Times {
  /** ns since 1970. */
  readonly mtime: bigint
}

const LISTING = { withFileTypes: true, encoding: 'latin1' } as const

/** Each operation is done where its pace says. Errors are Node's own. */
export class Places {
  readonly pace: Pace

  /** @param pace default: one that trusts the files not to wait without end */
  constructor(pace = new Pace(true)) {
    this.pace = pace
  }

  /** Names in a directory, in the order of their bytes. */
  async list(directory: number): Promise<string[]> {
    return (await this.entries(directory)).map(({ name }) => name)
  }

  /** The same, with what each was when it was listed. */
  async entries(directory: number): Promise<Listed[]> {
    const path = `/proc/self/fd/${directory}`
    const found = await this.pace
      .run(
        () => fs.readdirSync(path, LISTING),
        () => promises.readdir(path, LISTING)
      )
      // where the file system does not say what a thing is, Node has looked, and has not found what is not named in UTF-8
      .catch(() => listBytes(path))
    return found.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  lstat(place: Place): Promise<fs.BigIntStats> {
    const path = pathOf(place)
    return this.pace.run(
      () => fs.lstatSync(path, { bigint: true }),
      () => promises.lstat(path, { bigint: true })
    )
  }

  fstat(fd: number): Promise<fs.BigIntStats> {
    return this.pace.run(
      () => fs.fstatSync(fd, { bigint: true }),
      () => promises.fstat(fd, { bigint: true })
    )
  }

  openDirectory(place: Place): Promise<number> {
    return this.#open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  }

  openFile(place: Place): Promise<number> {
    return this.#open(place, TO_READ)
  }

  createFile(place: Place, mode: number): Promise<number> {
    return this.#open(place, TO_MAKE, mode)
  }

  /** Opens a file to go on with. */
  continueFile(place: Place): Promise<number> {
    return this.#open(place, O_WRONLY | O_NOFOLLOW)
  }

  makeDirectory(place: Place, mode: number): Promise<void> {
    const path = pathOf(place)
    return this.pace.run(
      () => fs.mkdirSync(path, mode),
      () => promises.mkdir(path, mode)
    )
  }

  makeLink(place: Place, target: string): Promise<void> {
    const [path, bytes] = [pathOf(place), Buffer.from(target, 'latin1')]
    return this.pace.run(
      () => fs.symlinkSync(bytes, path),
      () => promises.symlink(bytes, path)
    )
  }

  async readLink(place: Place): Promise<string> {
    const path = pathOf(place)
    return this.pace.run(
      () => fs.readlinkSync(path, 'latin1'),
      () => promises.readlink(path, 'latin1')
    )
  }

  /** Sets the time of a thing itself, also of a link. */
  setLinkTime(place: Place, { mtime }: Times): Promise<void> {
    const [path, seconds] = [pathOf(place), secondsOf(mtime)]
    return this.pace.run(
      () => fs.lutimesSync(path, seconds, seconds),
      () => promises.lutimes(path, seconds, seconds)
    )
  }

  setTime(fd: number, { mtime }: Times): Promise<void> {
    const seconds = secondsOf(mtime)
    return this.pace.run(
      () => fs.futimesSync(fd, seconds, seconds),
      () => promises.futimes(fd, seconds, seconds)
    )
  }

  setMode(fd: number, mode: number): Promise<void> {
    return this.pace.run(
      () => fs.fchmodSync(fd, mode),
      () => promises.fchmod(fd, mode)
    )
  }

  truncate(fd: number, size: number): Promise<void> {
    return this.pace.run(
      () => fs.ftruncateSync(fd, size),
      () => promises.ftruncate(fd, size)
    )
  }

  /** Reads until `bytes` is full or the file ends; how many bytes came. */
  async readAll(fd: number, bytes: Uint8Array): Promise<number> {
    let done = 0
    for (let read = -1; read !== 0 && done < bytes.byteLength; done += read) {
      read = await this.pace.run(
        () => fs.readSync(fd, bytes, done, bytes.byteLength - done, done),
        async () => (await promises.read(fd, bytes, done, bytes.byteLength - done, done)).bytesRead
      )
    }
    return done
  }

  /** Writes all of `bytes` at a position. */
  async writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) {
      done += await this.pace.run(
        () => fs.writeSync(fd, bytes, done, bytes.byteLength - done, position + done),
        async () => (await promises.write(fd, bytes, done, bytes.byteLength - done, position + done)).bytesWritten
      )
    }
  }

  /** Removes a thing, and all below it; a directory that may not be written to is made writable first. */
  async removeAll(place: Place): Promise<void> {
    const stat = await this.lstat(place)
    const path = pathOf(place)
    if (!stat.isDirectory()) return promises.unlink(path)
    const fd = await this.openDirectory(place)
    try {
      if ((stat.mode & 0o700n) !== 0o700n) await this.setMode(fd, 0o700)
      for (const name of await this.list(fd)) await this.removeAll({ directory: fd, name })
    } finally {
      await this.close(fd)
    }
    await promises.rmdir(path)
  }

  close(fd: number): Promise<void> {
    return this.pace.run(
      () => fs.closeSync(fd),
      () => promises.close(fd)
    )
  }

  #open(place: Place, flags: number, mode = 0): Promise<number> {
    const path = pathOf(place)
    return this.pace.run(
      () => fs.openSync(path, flags, mode),
      () => promises.open(path, flags, mode)
    )
  }
}

/** The path by which the system reaches a place without following anything. */
export function pathOf({ directory, name }: Place): Buffer {
  return Buffer.from(`/proc/self/fd/${directory}/${name}`, 'latin1')
}

/** Takes more memory, and finds whatever has a name. */
async function listBytes(path: string): Promise<Listed[]> {
  const found = await promises.readdirBytes(path, { withFileTypes: true, encoding: 'buffer' })
  return found.map(entry => Object.assign(entry, { name: entry.name.toString('latin1') }))
}

/** Flags of a file that is opened to read, which a FIFO does not hold up; and of one that was not there. */
export const TO_READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
export const TO_MAKE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

/** A double has room for a quarter of a microsecond: the next one that is not before, so that a time to the millisecond stays that. */
export function secondsOf(ns: bigint): number {
  const seconds = Number(ns) / 1e9
  const whole = Math.floor(seconds)
  const back = BigInt(whole) * 1_000_000_000n + BigInt(Math.floor((seconds - whole) * 1e9))
  return back < ns ? seconds + 2 ** -22 : seconds
}

const promises = {
  readdir: promisify(fs.readdir) as (path: string, options: typeof LISTING) => Promise<Listed[]>,
  readdirBytes: promisify(fs.readdir) as (path: string, options: object) => Promise<fs.Dirent<Buffer>[]>,
  lstat: promisify(fs.lstat) as (path: Buffer, options: { bigint: true }) => Promise<fs.BigIntStats>,
  fstat: promisify(fs.fstat) as (fd: number, options: { bigint: true }) => Promise<fs.BigIntStats>,
  open: promisify(fs.open) as (path: Buffer, flags: number, mode: number) => Promise<number>,
  mkdir: promisify(fs.mkdir) as (path: Buffer, mode: number) => Promise<void>,
  symlink: promisify(fs.symlink) as (target: Buffer, path: Buffer) => Promise<void>,
  readlink: promisify(fs.readlink) as (path: Buffer, encoding: 'latin1') => Promise<string>,
  lutimes: promisify(fs.lutimes),
  futimes: promisify(fs.futimes),
  fchmod: promisify(fs.fchmod),
  ftruncate: promisify(fs.ftruncate) as (fd: number, size: number) => Promise<void>,
  unlink: promisify(fs.unlink) as (path: Buffer) => Promise<void>,
  rmdir: promisify(fs.rmdir) as (path: Buffer) => Promise<void>,
  read: promisify(fs.read),
  write: promisify(fs.write) as (
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number
  ) => Promise<{ bytesWritten: number }>,
  close: promisify(fs.close)
}
