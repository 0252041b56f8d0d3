import {
  type BigIntStats,
  close,
  closeSync,
  fstat,
  fstatSync,
  open,
  openSync,
  read,
  readSync,
  realpath,
  realpathSync
} from 'node:fs'
import { promisify } from 'node:util'
import { Pace } from './pace.ts'

const threaded = {
  realpath: promisify(realpath.native) as (path: string) => Promise<string>,
  open: promisify(open) as (path: string, flags: number) => Promise<number>,
  stat: promisify(fstat) as (fd: number, options: { bigint: true }) => Promise<BigIntStats>,
  close: promisify(close)
}

/**
 * The operations that open and read a file, each done where `pace` says. Share one for the files of one file system: what it learned of
 * the first serves the next. Errors are Node's own.
 */
export class PacedFiles {
  readonly pace: Pace

  /** @param pace default: one that trusts the files not to wait without end */
  constructor(pace = new Pace(true)) {
    this.pace = pace
  }

  realpath(path: string): Promise<string> {
    return this.pace.run(
      () => realpathSync.native(path),
      () => threaded.realpath(path)
    )
  }

  open(path: string, flags: number): Promise<number> {
    return this.pace.run(
      () => openSync(path, flags),
      () => threaded.open(path, flags)
    )
  }

  stat(fd: number): Promise<BigIntStats> {
    return this.pace.run(
      () => fstatSync(fd, { bigint: true }),
      () => threaded.stat(fd, { bigint: true })
    )
  }

  close(fd: number): Promise<void> {
    return this.pace.run(
      () => closeSync(fd),
      () => threaded.close(fd)
    )
  }

  /** Reads into `buffer` from a position in bytes, or from the present one; the number of bytes, 0 at the end. */
  read(fd: number, buffer: Uint8Array, position: number | null = null): Promise<number> {
    return this.pace.run(
      () => readSync(fd, buffer, 0, buffer.byteLength, position),
      () => readThreaded(fd, buffer, position)
    )
  }
}

function readThreaded(fd: number, buffer: Uint8Array, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.byteLength, position, (cause, bytes) => {
      if (cause) reject(cause)
      else resolve(bytes)
    })
  })
}
