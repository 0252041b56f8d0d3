import { constants, open } from 'node:fs'
import { lstat, open as openHandle, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { SftError } from '../streams/errors.ts'
import { type ExistingOptions, existingOf } from '../streams/existing.ts'
import { iterate } from '../streams/iterate.ts'
import { writeDescriptor } from '../streams/stdio.ts'
import type { Sink, Source } from '../streams/types.ts'
import { writeFile } from '../streams/write-file.ts'
import type { Destination } from './destination.ts'
import { DoneMark, doneBefore, type MarkOwner, marked } from './done-mark.ts'
import { type OutputObject, sinkOf } from './output-stream.ts'
import { type PartialOwner, resumableFile } from './partial.ts'
import { checked } from './tree/checked-archive.ts'
import { treeDestination } from './tree/tree-destination.ts'

/**
 * Where received bytes go: a path; a descriptor (1 is standard output) or a `FileHandle`, which stay open; a stream of Node or the web, which is ended, or destroyed when
 * something fails; or a sink of the caller. Whoever takes buffers owns them.
 */
export type Output = string | OutputObject

export interface OutputOptions extends ExistingOptions {
  /** File name when the path is a directory. */
  name?: string | undefined
  /** Whose file it is: what an earlier attempt has left there is continued, and what this one leaves stays. Default: neither. */
  owner?: PartialOwner | undefined
  /** What comes is a directory, and is unpacked; to anything but a path it goes as the archive it is, checked. */
  tree?: boolean | undefined
  /** For whom it happens once (SPEC §8.8). */
  job?: MarkOwner | undefined
  /** Ends a write, also one that waits for a reader who takes nothing. */
  signal?: AbortSignal | undefined
}

const openDescriptor = promisify(open) as (path: string, flags: number) => Promise<number>
/** ms between two looks whether somebody reads a FIFO. */
const READER_POLL_MS = 50
/** ms that a write gets to end in order once it is to end. */
const CLOSE_GRACE_MS = 1000

/**
 * Opens an output. A file is written under another name and gets its own at the end, `durable`; a descriptor, a device or a FIFO
 * is `delivered`. An error of the source is raised as it is, also when the sink calls it by another name.
 *
 * @throws SftError ERR_SFT_EXISTS for an existing file unless `existing` says otherwise, ERR_SFT_FILE when its directory is not there, ERR_SFT_USAGE for a
 *   directory without a `name`.
 */
export async function openOutput(output: Output, options: OutputOptions = {}): Promise<Destination> {
  const { signal } = options
  const existing = existingOf(options)
  if (typeof output !== 'string') return asArchive(delivered(sinkOf(output, signal), signal), options)
  const target = await stat(output).catch(() => undefined)
  if (target?.isFIFO()) return asArchive(delivered(toFifo(output, signal), signal), options)
  if (target?.isCharacterDevice() || target?.isBlockDevice())
    return asArchive(delivered(toDevice(output), signal), options)
  const path = target?.isDirectory() ? join(output, requireName(options.name)) : output
  await requireDirectory(path)
  const done = await doneAlready([output, path], options)
  if (done) return done
  if (existing === 'refuse' && (await isThere(path))) {
    // who says nothing of other names has none to give
    const hint = options.existing === undefined ? '--force replaces it' : '--force replaces it, --rename keeps both'
    throw new SftError('ERR_SFT_EXISTS', `${path} exists`, { hint })
  }
  return marked(markAt(path, options), witness => fileOrTree(path, options, witness))
}

function fileOrTree(
  path: string,
  { owner, tree, signal, ...more }: OutputOptions,
  witness: DoneMark | undefined
): Destination {
  const [directory, name] = [dirname(path), basename(path)]
  const existing = existingOf(more)
  if (tree) return treeDestination(directory, name, { owner, existing, witness, signal })
  if (owner) return resumableFile(directory, name, { owner, existing, witness, signal })
  const options = { existing, owned: true, witness, ...(signal && { signal }) }
  return { kind: 'durable', sink: ({ holes }) => writeFile(directory, name, { ...options, holes: holes === 1 }) }
}

/** A directory that a job has made must not be taken for one to put it into. */
async function doneAlready(paths: readonly string[], options: OutputOptions): Promise<Destination | undefined> {
  for (const path of paths) {
    const mark = markAt(path, options)
    const bytes = await mark?.done()
    if (mark && bytes !== undefined) return doneBefore(bytes, mark)
  }
  return undefined
}

function markAt(path: string, { job }: OutputOptions): DoneMark | undefined {
  return job && new DoneMark({ ...job, directory: dirname(path), name: basename(path) })
}

function asArchive(destination: Destination, { tree }: OutputOptions): Destination {
  return tree ? checked(destination) : destination
}

/** A file that can not come to be is refused before anybody sends it; `inbox/` does not mean a file `inbox`. */
async function requireDirectory(path: string): Promise<void> {
  const directory = path.endsWith('/') ? path : dirname(path)
  const found = await stat(directory).catch(() => undefined)
  if (!found?.isDirectory()) throw new SftError('ERR_SFT_FILE', `there is no directory ${directory}`)
}

function requireName(name: string | undefined): string {
  if (name === undefined) throw new SftError('ERR_SFT_USAGE', 'a file name is needed in this directory')
  return name
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false
  )
}

/**
 * A destination that is no file: fails with what its source failed with, whatever the sink makes of it, and lets go of a sink that
 * does not end soon after `signal`.
 */
function delivered(sink: Sink<Uint8Array, { bytes: number }>, signal: AbortSignal | undefined): Destination {
  return {
    kind: 'delivered',
    sink: () => async source => {
      const failure: { of?: { error: unknown } } = {}
      const writing = sink(noting(source, failure)).catch(error => {
        throw failure.of ? failure.of.error : error
      })
      return signal ? await endingWith(writing, signal) : await writing
    }
  }
}

/** What a stream fails with is thrown into what it reads from, and is no failure of that: only pulling is. */
function noting(source: Source<Uint8Array>, failure: { of?: { error: unknown } }): AsyncIterable<Uint8Array> {
  const pieces = iterate(source)
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    try {
      return await pieces.next()
    } catch (error) {
      failure.of = { error }
      throw error
    }
  }
  const stop = async () => ({ done: true as const, value: await pieces.return?.() })
  return { [Symbol.asyncIterator]: () => ({ next, return: stop }) }
}

/** Settles as `work` does, or at the latest a grace after `signal`, with its reason. */
async function endingWith<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const stop = (): void => {
    timer = setTimeout(() => stopped.reject(signal.reason), CLOSE_GRACE_MS)
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await Promise.race([work, stopped.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

function toDevice(path: string): Sink<Uint8Array, { bytes: number }> {
  return async source => {
    const handle = await openHandle(path, 'w').catch(notWritable)
    try {
      return await writeDescriptor(handle.fd, { owned: true })(source)
    } finally {
      await handle.close()
    }
  }
}

/** Waits for a reader without a thread that nobody could call back; writing closes the descriptor. */
function toFifo(path: string, signal: AbortSignal | undefined): Sink<Uint8Array, { bytes: number }> {
  return async source => {
    for (;;) {
      signal?.throwIfAborted()
      const fd = await openDescriptor(path, constants.O_WRONLY | constants.O_NONBLOCK).catch(noReader)
      if (fd !== undefined) return await writeDescriptor(fd, { owned: true })(source)
      await delay(READER_POLL_MS)
    }
  }
}

function noReader(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENXIO') notWritable(cause)
}

function notWritable(cause: NodeJS.ErrnoException): never {
  throw new SftError('ERR_SFT_FILE', `writing failed: ${cause.message}`, { cause })
}

/** The name of a fetched file in the classic system. */
export function receivedName(path: string): string {
  const name = basename(path)
  return `received_${name === '' || name === '.' ? 'shared' : name}`
}
