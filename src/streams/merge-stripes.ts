import { release } from '../workers/buffers.ts'
import { INDEX_BYTES } from '../workers/construction.ts'
import { SftError } from './errors.ts'
import type { ReceivedFrame } from './types.ts'

export interface MergeOptions {
  /** Chunks that are taken ahead of the lowest missing index. Memory is these, and one for each connection. */
  window: number
  /** Index of the first chunk. Default 0. */
  firstChunk?: number
}

/**
 * Merges the frames of one stream that came over several connections: on each `RSFL` frames in increasing order and a `FINL`, out of it all of them
 * in the order of their indices and one `FINL` (SPEC §8.1, M41, M42). A connection whose next chunk is too far ahead is not read further. An error of a
 * connection is raised after the chunks that were in order before it. An error or an early stop returns all connections, so each should let itself be returned
 * while it waits for its peer.
 *
 * @throws SftError ERR_SFT_CHUNK_ORDER for an index that comes twice, goes back on its connection, or can not come any more; ERR_SFT_CHUNK_SIZE,
 *   ERR_SFT_FINAL for two that differ, ERR_SFT_FRAME_TYPE; ERR_SFT_TRUNCATED for a connection that ends without `FINL`, ERR_SFT_TRAILING for one that goes on
 *   after it.
 */
export function mergeStripes(
  options: MergeOptions
): (connections: readonly AsyncIterable<ReceivedFrame>[]) => AsyncGenerator<ReceivedFrame, void, undefined> {
  return async function* (connections) {
    const merge = new Merge(options, connections)
    try {
      for (let frame = await merge.next(); frame; frame = await merge.next()) yield frame
      if (merge.final) yield merge.final
    } finally {
      await merge.close()
    }
  }
}

interface Connection {
  readonly frames: AsyncIterator<ReceivedFrame>
  /** Index of its last chunk. */
  last: number
  /** It has brought its `FINL`. */
  finished: boolean
  ended: boolean
}

class Merge {
  readonly #window: number
  readonly #connections: readonly Connection[]
  readonly #early = new Map<number, ReceivedFrame>()
  #missing: number
  #started = false
  #closed = false
  #failure: { error: unknown } | undefined
  #change = Promise.withResolvers<void>()
  final: ReceivedFrame | undefined

  constructor({ window, firstChunk = 0 }: MergeOptions, connections: readonly AsyncIterable<ReceivedFrame>[]) {
    this.#window = window
    this.#missing = firstChunk
    this.#connections = connections.map(each => ({
      frames: each[Symbol.asyncIterator](),
      last: firstChunk - 1,
      finished: false,
      ended: false
    }))
  }

  /** The next chunk in the order; `undefined` once every connection has ended. */
  async next(): Promise<ReceivedFrame | undefined> {
    if (!this.#started) for (const connection of this.#connections) void this.#pump(connection)
    this.#started = true
    for (;;) {
      const frame = this.#early.get(this.#missing)
      if (frame) {
        this.#early.delete(this.#missing++)
        this.#notify()
        return frame
      }
      if (this.#failure) throw this.#failure.error
      if (this.#early.size === 0 && this.#connections.every(({ ended }) => ended)) return undefined
      if (!this.#canCome()) throw notInOrder()
      await this.#change.promise
    }
  }

  /** False once the missing chunk is of no connection: each has passed it, or has finished while a later one is here (M42). */
  #canCome(): boolean {
    const open = this.#connections.filter(({ finished }) => !finished)
    return open.length === 0 ? this.#early.size === 0 : open.some(({ last }) => last <= this.#missing)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#notify()
    for (const { body } of this.#early.values()) release(body)
    this.#early.clear()
    await Promise.allSettled(this.#connections.map(({ frames }) => frames.return?.()))
  }

  /** Takes the frames of one connection as far as the window lets it. */
  async #pump(connection: Connection): Promise<void> {
    try {
      while (!this.#closed && !connection.ended) {
        const next = await connection.frames.next()
        if (next.done) this.#end(connection)
        else if (next.value.type === 'FINL') this.#finish(connection, next.value)
        else await this.#take(connection, next.value)
        this.#notify()
      }
    } catch (error) {
      this.#failure ??= { error }
      this.#notify()
    }
  }

  async #take(connection: Connection, frame: ReceivedFrame): Promise<void> {
    const index = indexOf(frame)
    if (connection.finished) throw trailing()
    if (index <= connection.last) throw notInOrder()
    connection.last = index
    // what waits here may be what makes the missing one impossible
    this.#notify()
    while (index >= this.#missing + this.#window && !this.#closed) await this.#change.promise
    if (index < this.#missing || this.#early.has(index)) throw notInOrder()
    if (!this.#closed) this.#early.set(index, frame)
  }

  #finish(connection: Connection, frame: ReceivedFrame): void {
    if (connection.finished) throw trailing()
    connection.finished = true
    this.final ??= frame
    if (Buffer.compare(this.final.body, frame.body) !== 0)
      throw new SftError('ERR_SFT_FINAL', 'the connections do not end in the same final frame')
  }

  #end(connection: Connection): void {
    if (!connection.finished) throw new SftError('ERR_SFT_TRUNCATED', 'a connection ends inside a stream')
    connection.ended = true
  }

  #notify(): void {
    this.#change.resolve()
    this.#change = Promise.withResolvers()
  }
}

function indexOf({ type, body }: ReceivedFrame): number {
  if (type !== 'RSFL') throw new SftError('ERR_SFT_FRAME_TYPE', `frame ${type} inside a stream`)
  if (body.byteLength < INDEX_BYTES) throw new SftError('ERR_SFT_CHUNK_SIZE', 'chunk has a wrong size')
  return Number(new DataView(body.buffer, body.byteOffset).getBigUint64(0))
}

function trailing(): SftError {
  return new SftError('ERR_SFT_TRAILING', 'data after the end of the stream')
}

function notInOrder(): SftError {
  return new SftError('ERR_SFT_CHUNK_ORDER', 'a chunk came twice, too late or not at all')
}
