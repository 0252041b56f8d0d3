import { randomBytes } from 'node:crypto'
import { constants, fstatSync, statSync, write, writeSync } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { release } from '../workers/buffers.ts'
import { SftError } from './errors.ts'
import { claimName, type Existing, type ExistingOptions, existingOf, extensionOf } from './existing.ts'
import { asFileFault, fileFault } from './file-fault.ts'
import { writeWithHoles } from './holes.ts'
import { iterate } from './iterate.ts'
import { Pace } from './pace.ts'
import type { Sink, Source } from './types.ts'
import { WriteBack } from './write-back.ts'

export interface WriteFileOptions extends ExistingOptions {
  /** Mode of the file. Default 0600. */
  mode?: number
  /** The file had holes where it came from: rows of zeros become holes (M91). Default false. */
  holes?: boolean | undefined
  /** The source hands over its buffers; each is given back once written. Default false: borrowed. */
  owned?: boolean
  /** Where bytes wait for their name; default: a new file beside it that is removed on any failure. */
  part?: PartFile
  witness?: Witness | undefined
  signal?: AbortSignal
}

/** A file or directory that is about to get its name. */
export interface NamedThing {
  readonly ino: bigint
  readonly birthtimeNs: bigint
  readonly mtimeNs: bigint
  /** 0 of a directory. */
  readonly bytes: number
}

/** Is there when something gets its name. */
export interface Witness {
  /** All of it is on the disk; the name comes next, unless this fails. */
  naming(thing: NamedThing): Promise<void>
  /** It has its name, and that is on the disk. */
  named(): Promise<void>
}

/** A file that bytes are written to before they have their name. */
export interface PartFile {
  readonly path: string
  /** Opens it where the bytes that come go on. */
  open(): Promise<FileHandle>
  /** Told how many of the bytes that came are on the disk. */
  onDurable?(bytes: number): void
  /** Whether it stays after a failure, with so many bytes that came, for another attempt. */
  keepsAfter?(error: unknown, written: number): boolean
  /** The last call, after the file has its name or is gone, or stays. */
  close?(kept: boolean): Promise<void>
}

/**
 * Writes a file: bytes flow in, and only after the source has ended well does the file get its name: `.part` (created
 * exclusively, not following links, 0600) → fdatasync → link or rename → fsync of the directory (SPEC §8, M36). On error or
 * abort the `.part` is removed, unless `part` keeps it, and a file of that name is untouched. Memory: one piece.
 * Fulfils with `renamed` when the name was taken and the file has another (`existing`, M90).
 *
 * @param directory the receiver's choice, trusted
 * @param name one plain path component
 * @throws SftError ERR_SFT_EXISTS, ERR_SFT_FILE (disk full, no permission), ERR_SFT_USAGE for a name that is no plain component.
 */
export function writeFile(
  directory: string,
  name: string,
  options: WriteFileOptions = {}
): Sink<Uint8Array, { bytes: number; renamed?: string }> {
  const existing = existingOf(options)
  if (!isPlainName(name)) throw new SftError('ERR_SFT_USAGE', 'name is not one plain path component')
  return async source => {
    const part = options.part ?? freshPart(directory, name)
    const file = await fileFault(() => part.open()).catch(error => refuse(source, error))
    const writeBack = new WriteBack(file, bytes => part.onDurable?.(bytes))
    let kept = false
    try {
      const write = options.holes ? writeWithHoles : writeAll
      const bytes = await write(file, writeBack.behind(source), options)
      await fileFault(async () => {
        if (options.mode !== undefined) await file.chmod(options.mode)
        await writeBack.finish()
        await options.witness?.naming(await thingOf(file))
      })
      const given = await commit(part.path, directory, name, existing)
      await fileFault(() => syncDirectory(directory))
      await fileFault(async () => options.witness?.named())
      return given === name ? { bytes } : { bytes, renamed: given }
    } catch (error) {
      kept = part.keepsAfter?.(error, writeBack.written) ?? false
      throw error
    } finally {
      await writeBack.settle()
      await fileFault(() => file.close()).finally(() => (kept ? undefined : removePart(part.path)))
      await part.close?.(kept)
    }
  }
}

function freshPart(directory: string, name: string): PartFile {
  const path = partPath(directory, name, randomBytes(6).toString('hex'))
  return { path, open: () => createPart(path) }
}

/** The path of a file that waits for its name, beside it. */
export function partPath(directory: string, name: string, id: string): string {
  return join(directory, `.${shorten(name)}.${id}.part`)
}

/** Makes a file that nobody else has, following no link, mode 0600. */
export function createPart(path: string): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
}

/** Removes a file, unless it is gone already, as a part is that was renamed. */
export async function removePart(part: string): Promise<void> {
  await unlink(part).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** Closes a source that a sink can not take, before its first pull, and raises why. */
export async function refuse(source: Source<unknown>, error: unknown): Promise<never> {
  const pieces = iterate(source)
  await pieces.return?.()
  throw error
}

/** True for one path component that no platform takes for anything else. */
export function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    !/[/\0]/.test(name) &&
    Buffer.byteLength(name) <= 255 &&
    basename(name) === name
  )
}

/** Writes a source to a descriptor, from its present position; shares the loop with standard output. */
export async function writeAll(
  file: FileHandle | number,
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: Pick<WriteFileOptions, 'owned' | 'signal'> = {}
): Promise<number> {
  const fd = typeof file === 'number' ? file : file.fd
  const pace = new Pace(isBounded(fd))
  let bytes = 0
  for await (const piece of source) {
    options.signal?.throwIfAborted()
    bytes += piece.byteLength
    for (let offset = 0; offset < piece.byteLength; ) {
      offset += await pace
        .run(
          () => writeSync(fd, piece, offset, piece.byteLength - offset, null),
          () => writeSome(fd, piece, offset)
        )
        .catch(cause => {
          throw asFileFault(cause)
        })
    }
    if (options.owned) release(piece)
  }
  return bytes
}

/** A terminal or a device may take nothing for ever; a file and /dev/null do not. */
function isBounded(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isFile() || (stat.isCharacterDevice() && stat.rdev === statSync('/dev/null').rdev)
  } catch {
    // the write will say why
    return false
  }
}

function writeSome(fd: number, piece: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, piece, offset, piece.byteLength - offset, null, (cause, written) => {
      if (cause) reject(cause)
      else resolve(written)
    })
  })
}

/** @returns the name that it has got */
async function commit(part: string, directory: string, name: string, existing: Existing): Promise<string> {
  if (existing !== 'replace') {
    const claim = (candidate: string) => linkTo(part, join(directory, candidate))
    return claimName(name, { existing, extension: extensionOf(name) }, claim)
  }
  await fileFault(() => rename(part, join(directory, name)))
  return name
}

/** False when something has the name. */
async function linkTo(part: string, target: string): Promise<boolean> {
  try {
    await link(part, target)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw asFileFault(cause)
  }
}

async function thingOf(file: FileHandle): Promise<NamedThing> {
  const { ino, birthtimeNs, mtimeNs, size } = await file.stat({ bigint: true })
  return { ino, birthtimeNs, mtimeNs, bytes: Number(size) }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Leaves room for the prefix and suffix of a `.part` within 255 bytes. */
function shorten(name: string): string {
  return Buffer.byteLength(name) <= 200 ? name : createShortName(name)
}

function createShortName(name: string): string {
  return Buffer.from(name)
    .subarray(0, 180)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '_')
}
