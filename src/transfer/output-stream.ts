import type { FileHandle } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SftError } from '../streams/errors.ts'
import { count, writeDescriptor } from '../streams/stdio.ts'
import type { Sink, Source } from '../streams/types.ts'

/** Streams of Node and of the web as sinks: whoever gives one has given it away, and finds it ended, or destroyed with what went wrong. */

export type OutputStream = Writable | WritableStream<Uint8Array>

/** Anything but a path that takes bytes: a descriptor or a handle, which stay open; a stream; a sink. */
export type OutputObject = number | FileHandle | OutputStream | Sink<Uint8Array, unknown>

/** What Node says of a stream that takes nothing any more. */
const CLOSED = ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_UNABLE_TO_PIPE']

type Counting = Sink<Uint8Array, { bytes: number }>

/** @throws (the sink) SftError ERR_SFT_OUTPUT_CLOSED for a stream whose reader is gone; ERR_SFT_FILE for any other fault, also where it is the source's: whoever gives the source knows that. */
export function sinkOf(output: OutputObject, signal: AbortSignal | undefined): Counting {
  const options = { owned: true, ...(signal && { signal }) }
  if (typeof output === 'number') return writeDescriptor(output, options)
  if (typeof output === 'function') return counted(output)
  if ('getWriter' in output) return counted(source => intoWeb(source, output).catch(streamFault))
  if ('pipe' in output) return counted(source => intoNode(source, output).catch(streamFault))
  return writeDescriptor(output.fd, options)
}

function counted(sink: Sink<Uint8Array, unknown>): Counting {
  return async source => {
    const total = { bytes: 0 }
    await sink(count(source, total))
    return total
  }
}

async function intoNode(source: Source<Uint8Array>, stream: Writable): Promise<void> {
  await pipeline(Readable.from(source, { objectMode: false }), stream)
}

async function intoWeb(source: Source<Uint8Array>, stream: WritableStream<Uint8Array>): Promise<void> {
  await Readable.toWeb(Readable.from(source, { objectMode: false })).pipeTo(stream)
}

function streamFault(cause: unknown): never {
  const { code, message } = cause as NodeJS.ErrnoException
  const gone = CLOSED.includes(code ?? '')
  if (gone) throw new SftError('ERR_SFT_OUTPUT_CLOSED', 'the output was closed', { cause })
  throw new SftError('ERR_SFT_FILE', `writing failed: ${message}`, { cause })
}
