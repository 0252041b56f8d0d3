import { type FileHandle, lstat, open, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SftError } from '../streams/errors.ts'
import { writeDescriptor } from '../streams/stdio.ts'
import type { Sink, Source } from '../streams/types.ts'
import { writeFile } from '../streams/write-file.ts'
import type { Destination } from './file-session.ts'

/**
 * Where received bytes go: a path; a descriptor (1 is standard output), which stays open; or a sink of the caller, who owns the
 * buffers it is given.
 */
export type Output = string | number | Sink<Uint8Array, unknown>

export interface OutputOptions {
  /** Replaces an existing file. Default false. */
  force?: boolean | undefined
  /** File name when the path is a directory. */
  name?: string | undefined
  /** ms; ends a write. */
  signal?: AbortSignal | undefined
}

/**
 * Opens an output. A file is written under another name and gets its own at the end, `durable`; a descriptor, a device or a FIFO
 * is `delivered`.
 *
 * @throws SftError ERR_SFT_EXISTS for an existing file without `force`, ERR_SFT_FILE when the directory is not there.
 */
export async function openOutput(output: Output, options: OutputOptions = {}): Promise<Destination> {
  const { signal } = options
  const stop = signal ? { signal } : {}
  if (typeof output === 'number')
    return { kind: 'delivered', sink: () => writeDescriptor(output, { owned: true, ...stop }) }
  if (typeof output === 'function') return { kind: 'delivered', sink: () => counted(output) }
  const target = await stat(output).catch(() => undefined)
  if (target?.isCharacterDevice() || target?.isFIFO()) return { kind: 'delivered', sink: () => toSpecialFile(output) }
  const path = target?.isDirectory() ? join(output, requireName(options.name)) : output
  const { force = false } = options
  if (!force && (await isThere(path))) {
    throw new SftError('ERR_SFT_EXISTS', `${path} exists`, { hint: '--force replaces it' })
  }
  return { kind: 'durable', sink: () => writeFile(dirname(path), basename(path), { force, owned: true, ...stop }) }
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

function counted(sink: Sink<Uint8Array, unknown>): Sink<Uint8Array, { bytes: number }> {
  return async source => {
    const total = { bytes: 0 }
    await sink(count(source, total))
    return total
  }
}

async function* count(source: Source<Uint8Array>, total: { bytes: number }): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    total.bytes += piece.byteLength
    yield piece
  }
}

function toSpecialFile(path: string): Sink<Uint8Array, { bytes: number }> {
  return async source => {
    const handle: FileHandle = await open(path, 'w')
    try {
      return await writeDescriptor(handle.fd, { owned: true })(source)
    } finally {
      await handle.close()
    }
  }
}
