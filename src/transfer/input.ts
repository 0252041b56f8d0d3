import { closeSync, constants, open } from 'node:fs'
import { type FileHandle, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { SftError } from '../streams/errors.ts'
import { iterate } from '../streams/iterate.ts'
import { openForReading, readFile } from '../streams/read-file.ts'
import { readDescriptor } from '../streams/stdio.ts'
import type { Source } from '../streams/types.ts'
import { isPlainName } from '../streams/write-file.ts'
import { fileMetadata } from './export-root.ts'
import type { Outgoing } from './outgoing.ts'
import { openTree, type TreeOptions } from './tree/tree-source.ts'

/** What can be sent: a path, a handle, a descriptor (0 is standard input; that of a pipe is closed when it has been read), bytes, a `Blob`, or anything that yields bytes: Node's and the web's streams, iterables. */
export type Input = string | FileHandle | number | Uint8Array | Blob | Source<Uint8Array> | ReadableStream<Uint8Array>

export type OpenedInput = Outgoing & AsyncDisposable

const openDescriptor = promisify(open) as (path: string, flags: number) => Promise<number>
const nothing = async (): Promise<void> => {}

/**
 * Opens an input. Disposing of it closes what was opened here; a handle or stream that was given stays its owner's.
 *
 * @param tree directories are sent, and what of them; without it they are refused
 * @param name what the receiver is told; default: the last component of a path, and nothing for other inputs
 * @throws SftError ERR_SFT_NOT_FOUND for a path that can not be opened, or is a directory; ERR_SFT_USAGE for a name that is no plain component.
 */
export async function openInput(input: Input, name?: string, tree?: TreeOptions): Promise<OpenedInput> {
  if (name !== undefined && !isPlainName(name)) {
    throw new SftError('ERR_SFT_USAGE', 'the name for the receiver is one path component of 1 to 255 bytes')
  }
  if (typeof input === 'string') return openPath(input, name, tree)
  const metadata = name === undefined ? {} : { name }
  if (typeof input === 'number') {
    return {
      metadata,
      file: false,
      owned: true,
      source: signal => signalsFirst(readDescriptor(input, { signal }), signal),
      [Symbol.asyncDispose]: nothing
    }
  }
  if (input instanceof Uint8Array) {
    const size = input.byteLength
    return {
      metadata: { ...metadata, size },
      file: true,
      owned: false,
      source: () => [input],
      [Symbol.asyncDispose]: nothing
    }
  }
  if (input instanceof Blob) {
    return {
      metadata: { ...metadata, size: input.size },
      file: true,
      owned: true,
      source: signal => untilAborted(input.stream() as Source<Uint8Array>, signal),
      [Symbol.asyncDispose]: nothing
    }
  }
  if (isFileHandle(input)) return fromHandle(input, name, nothing)
  const source = input as Source<Uint8Array>
  return {
    metadata,
    file: false,
    owned: false,
    source: signal => untilAborted(source, signal),
    [Symbol.asyncDispose]: nothing
  }
}

async function openPath(path: string, given: string | undefined, tree: TreeOptions | undefined): Promise<OpenedInput> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) {
    if (tree) return openTree(path, given, tree)
    throw new SftError('ERR_SFT_NOT_FOUND', `${path} is a directory`, { hint: '-r sends it with all that is in it' })
  }
  const name = given ?? basename(path)
  if (found?.isFIFO()) return openFifo(path, name)
  const handle = await openForReading(path)
  try {
    return await fromHandle(handle, name, () => handle.close())
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Opens without waiting for a writer: the reads wait for it, and those can be let go of. Reading closes the descriptor. */
async function openFifo(path: string, name: string): Promise<OpenedInput> {
  const fd = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${path}: ${cause.message}`, { cause })
  })
  const reading = { begun: false }
  const source = (signal: AbortSignal) => {
    reading.begun = true
    return signalsFirst(readDescriptor(fd, { signal }), signal)
  }
  const dispose = async (): Promise<void> => {
    if (!reading.begun) closeSync(fd)
  }
  return { metadata: { name }, file: false, owned: true, source, [Symbol.asyncDispose]: dispose }
}

async function fromHandle(
  handle: FileHandle,
  name: string | undefined,
  dispose: () => Promise<void>
): Promise<OpenedInput> {
  const stat = await handle.stat({ bigint: true })
  const named = name === undefined ? {} : { name }
  if (!stat.isFile()) {
    // not `readDescriptor`: it closes a pipe's descriptor, and this one is the handle's
    const source = (signal: AbortSignal) => untilAborted(readFile(handle, { signal }), signal)
    return { metadata: named, file: false, owned: true, source, [Symbol.asyncDispose]: dispose }
  }
  const { name: _, ...told } = fileMetadata(stat, '')
  const source = (signal: AbortSignal, start = 0) => readFile(handle, { announced: stat, signal, start })
  return {
    metadata: { ...named, ...told },
    stat,
    file: true,
    owned: true,
    source,
    [Symbol.asyncDispose]: dispose
  }
}

function isFileHandle(input: object): input is FileHandle {
  return 'fd' in input && typeof (input as FileHandle).datasync === 'function'
}

/**
 * Takes an end only once the event loop has come round: Ctrl-C ends `tar` and `sft send` at once, and what `tar` had not yet written must
 * not pass for the whole.
 */
async function* signalsFirst(source: Source<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  yield* source
  await setImmediate()
  signal.throwIfAborted()
}

/** Lets go of a source that waits: its pending `next` may stay open, nobody waits for it. */
async function* untilAborted(source: Source<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const pieces = iterate(source)
  let reject: (reason: unknown) => void = () => {}
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort)
  let ended = false
  try {
    for (;;) {
      signal.throwIfAborted()
      const piece = await new Promise<IteratorResult<Uint8Array>>((resolve, fail) => {
        reject = fail
        Promise.resolve(pieces.next()).then(resolve, fail)
      })
      ended = piece.done === true
      if (piece.done) return
      yield piece.value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    const closing = ended ? undefined : Promise.resolve(pieces.return?.())
    if (signal.aborted) closing?.catch(() => undefined)
    else await closing
  }
}
