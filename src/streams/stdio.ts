import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import { widenPipe } from '../workers/native/addon.ts'
import { SftError } from './errors.ts'
import { type Fill, withFill } from './filling.ts'
import { type ReadFileOptions, readFile } from './read-file.ts'
import { writeSocket } from './socket.ts'
import { SocketReader } from './socket-reader.ts'
import type { Sink, Source } from './types.ts'
import { refuse, writeAll } from './write-file.ts'

/**
 * Reads a descriptor such as standard input: a pipe or socket without blocking a thread, anything else as a file. Bytes flow out in
 * buffers that the consumer owns. A source that is waited for is let go of when `signal` aborts.
 */
export function readDescriptor(
  fd: number,
  options: ReadFileOptions = {}
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const reader = new SocketReader()
  const state = { piped: false }
  const fill: Fill = (into, arrived) =>
    // only what has been pulled from is known to be a pipe
    state.piped ? reader.fill(into, arrived).catch(error => raise(error, options.signal)) : undefined
  return withFill(read(fd, options, reader, state), fill)
}

/** @throws the reason of the signal, which closes what is read, in the place of the error that this leads to. */
function raise(error: unknown, signal: AbortSignal | undefined): never {
  signal?.throwIfAborted()
  throw error
}

async function* read(
  fd: number,
  options: ReadFileOptions,
  reader: SocketReader,
  state: { piped: boolean }
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  state.piped = isPipe(fd)
  if (!state.piped) return yield* readFile(fd, options)
  options.signal?.throwIfAborted()
  widenPipe(fd)
  const socket = new Socket({ fd, readable: true, writable: false, onread: reader.onread })
  const abort = (): void => void socket.destroy()
  options.signal?.addEventListener('abort', abort)
  try {
    yield* reader.attach(socket)
  } catch (error) {
    raise(error, options.signal)
  } finally {
    options.signal?.removeEventListener('abort', abort)
    socket.destroy()
  }
}

export interface WriteDescriptorOptions {
  /** The source hands over its buffers; each is given back once written. Default false: borrowed. */
  owned?: boolean
  signal?: AbortSignal
}

/**
 * Writes to a descriptor such as standard output. Resolves with the bytes written once the last write was accepted.
 *
 * An abort, which also closes a pipe that nobody drains, rejects with the signal's reason.
 *
 * @throws SftError ERR_SFT_OUTPUT_CLOSED when nobody reads it any more, ERR_SFT_FILE when a write fails.
 */
export function writeDescriptor(fd: number, options: WriteDescriptorOptions = {}): Sink<Uint8Array, { bytes: number }> {
  return async source => {
    let pipe: boolean
    try {
      options.signal?.throwIfAborted()
      pipe = isPipe(fd)
    } catch (error) {
      return refuse(source, error)
    }
    return pipe ? writePipe(fd, source, options) : { bytes: await writeAll(fd, source, options) }
  }
}

async function writePipe(
  fd: number,
  source: Source<Uint8Array>,
  options: WriteDescriptorOptions
): Promise<{ bytes: number }> {
  widenPipe(fd)
  const socket = new Socket({ fd, readable: false, writable: true })
  const abort = (): void => void socket.destroy()
  options.signal?.addEventListener('abort', abort)
  const counted = { bytes: 0 }
  try {
    await writeSocket(socket, count(source, counted), { owned: options.owned ?? false, stall: 0 })
    return counted
  } catch (error) {
    options.signal?.throwIfAborted()
    throw SftError.is(error) && error.code === 'ERR_SFT_CONNECTION_LOST' ? outputClosed(error) : error
  } finally {
    options.signal?.removeEventListener('abort', abort)
    socket.destroy()
  }
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isFIFO() || stat.isSocket()
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', `the descriptor can not be used: ${(cause as Error).message}`, { cause })
  }
}

/** Passes pieces on, and adds up their bytes as they come. */
export async function* count(source: Source<Uint8Array>, counted: { bytes: number }): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    counted.bytes += piece.byteLength
    yield piece
  }
}

function outputClosed(cause: SftError): SftError {
  return new SftError('ERR_SFT_OUTPUT_CLOSED', 'nobody reads the output any more', { cause })
}
