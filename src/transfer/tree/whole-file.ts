import * as fs from 'node:fs'
import { type Place, type Places, pathOf, secondsOf, TO_MAKE, TO_READ } from './places.ts'

/**
 * What is done to each of thousands of small files, all of it at once while the file system answers at once: a wait for each call of the system costs more than the call. Otherwise it is
 * done call by call, as the pace of the places says.
 */

/** A file that is to be made, with all that is in it. */
export interface WholeFile {
  readonly mode: number
  /** ns since 1970. */
  readonly mtime: bigint
  readonly bytes: Uint8Array
}

/** A file that is open to be read. */
export interface Opened {
  readonly fd: number
  readonly stat: fs.BigIntStats
}

const BIG = { bigint: true } as const

/** Makes a file that was not there. */
export function makeWholeFile(places: Places, place: Place, file: WholeFile): Promise<void> {
  return atOnce(
    places,
    () => makeNow(place, file),
    async () => {
      const fd = await places.createFile(place, file.mode)
      try {
        await places.writeAll(fd, file.bytes, 0)
        await places.setTime(fd, file)
      } finally {
        await places.close(fd)
      }
    }
  )
}

/** Opens a file to read, and looks at it. */
export function openWhole(places: Places, place: Place): Promise<Opened> {
  return atOnce(
    places,
    () => {
      const fd = fs.openSync(pathOf(place), TO_READ)
      try {
        return { fd, stat: fs.fstatSync(fd, BIG) }
      } catch (error) {
        fs.closeSync(fd)
        throw error
      }
    },
    async () => {
      const fd = await places.openFile(place)
      try {
        return { fd, stat: await places.fstat(fd) }
      } catch (error) {
        await places.close(fd)
        throw error
      }
    }
  )
}

/** Fills `bytes` from the beginning of a file, and looks at it again: how many came, and how it is now. */
export function readWhole(
  places: Places,
  fd: number,
  bytes: Uint8Array
): Promise<{ read: number; stat: fs.BigIntStats }> {
  return atOnce(
    places,
    () => ({ read: readNow(fd, bytes), stat: fs.fstatSync(fd, BIG) }),
    async () => ({ read: await places.readAll(fd, bytes), stat: await places.fstat(fd) })
  )
}

function atOnce<T>(places: Places, now: () => T, stepwise: () => Promise<T>): Promise<T> {
  return places.pace.inPlace ? places.pace.run(now, stepwise) : stepwise()
}

function makeNow(place: Place, { mode, mtime, bytes }: WholeFile): void {
  const fd = fs.openSync(pathOf(place), TO_MAKE, mode)
  try {
    for (let done = 0; done < bytes.byteLength; ) done += fs.writeSync(fd, bytes, done, bytes.byteLength - done, done)
    const seconds = secondsOf(mtime)
    fs.futimesSync(fd, seconds, seconds)
  } finally {
    fs.closeSync(fd)
  }
}

function readNow(fd: number, bytes: Uint8Array): number {
  let done = 0
  for (let read = -1; read !== 0 && done < bytes.byteLength; done += read)
    read = fs.readSync(fd, bytes, done, bytes.byteLength - done, done)
  return done
}
