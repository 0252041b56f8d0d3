import type { Socket } from 'node:net'
import { release } from '../workers/buffers.ts'
import { SftError } from './errors.ts'
import { iterate } from './iterate.ts'
import { connectionLost, SocketReader } from './socket-reader.ts'
import type { Duplex, Source } from './types.ts'

export interface SocketOptions {
  /** Written buffers are the socket's: each is given back once the kernel has it. Default false: borrowed. */
  owned?: boolean
  /** The reader that the socket was made with; by default Node's own buffers are read. */
  reader?: SocketReader | undefined
  /** Deadline in ms for bytes that the peer does not take, on top of 1 s a KiB outstanding (SPEC §6, M22). Default 60,000; 0: none, for a local pipe. */
  stall?: number
}

/** Bytes handed to the socket before the sink waits; one default chunk is always under way while the next is made. */
const WRITE_AHEAD = 1024 * 1024
const DEFAULT_STALL_MS = 60_000

/**
 * Makes a duplex of a socket that was created with `allowHalfOpen`, or of a local pipe. Each end may finish on its own. Memory:
 * 512 KiB read ahead, and the write-ahead of 1 MiB plus one piece.
 *
 * The source raises ERR_SFT_CONNECTION_LOST when the socket closes without an orderly end; the sink raises it when the socket closes under it,
 * and ERR_SFT_TIMEOUT when the peer takes less than 1 KiB/s. An early return of the source destroys nothing.
 */
export function socketDuplex(
  socket: Socket,
  options: SocketOptions = {}
): Duplex & { source: SocketReader; abort(): void } {
  return {
    source: options.reader?.attach(socket) ?? readSocket(socket),
    sink: source => writeSocket(socket, source, options),
    abort: () => void socket.destroy()
  }
}

/** Reads a socket that was made without a reader's `onread`. */
export function readSocket(socket: Socket): SocketReader {
  return new SocketReader().attach(socket, { data: true })
}

/** Writes a source to a socket and ends its writing side; resolves when the kernel has taken all of it. */
export async function writeSocket(
  socket: Socket,
  source: Source<Uint8Array>,
  options: SocketOptions = {}
): Promise<void> {
  const writer = new SocketWriter(socket, options)
  const pieces = iterate(source)
  try {
    for (;;) {
      const next = await writer.orFailure(Promise.resolve(pieces.next()))
      if (next.done) break
      writer.write(next.value)
      if (writer.outstanding > WRITE_AHEAD) await writer.drained(WRITE_AHEAD)
    }
    await writer.end()
  } catch (error) {
    // not awaited: the source may hang on an input that never comes; whoever made it aborts it
    Promise.resolve(pieces.return?.()).catch(() => undefined)
    throw error
  } finally {
    writer.detach()
  }
}

class SocketWriter {
  readonly #socket: Socket
  readonly #owned: boolean
  readonly #stall: number
  #corked = false
  #fail: ((error: SftError) => void) | undefined
  #progress = (): void => {}
  readonly #onClose = (): void => this.#fail?.(connectionLost(this.#socket.errored))
  outstanding = 0

  constructor(socket: Socket, options: SocketOptions) {
    this.#socket = socket
    this.#owned = options.owned ?? false
    this.#stall = options.stall ?? DEFAULT_STALL_MS
    socket.on('close', this.#onClose).on('error', this.#onClose)
  }

  /** Settles as `promise` does, or with the failure of the socket. One waiter at a time. */
  orFailure<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject
      if (this.#socket.destroyed || this.#socket.errored) this.#onClose()
      promise.then(resolve, reject)
    })
  }

  /** Hands one piece to the socket; pieces of one turn of the event loop leave in one system call. */
  write(piece: Uint8Array): void {
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    const size = piece.byteLength
    this.outstanding += size
    this.#socket.write(piece, () => {
      this.outstanding -= size
      if (this.#owned) release(piece)
      this.#progress()
    })
  }

  /** Waits until at most `bytes` are outstanding. */
  async drained(bytes: number): Promise<void> {
    const timer =
      this.#stall > 0 ? setTimeout(() => this.#fail?.(stalled()), this.#stall + this.outstanding) : undefined
    try {
      while (this.outstanding > bytes) {
        await this.orFailure(
          new Promise<void>(resolve => {
            this.#progress = resolve
          })
        )
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async end(): Promise<void> {
    await this.drained(0)
    await this.orFailure(new Promise<void>(resolve => this.#socket.end(resolve)))
  }

  detach(): void {
    this.#fail = undefined
    this.#socket.off('close', this.#onClose)
  }
}

function stalled(): SftError {
  return new SftError('ERR_SFT_TIMEOUT', 'the other side takes no more data')
}
