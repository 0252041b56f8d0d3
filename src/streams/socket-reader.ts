import type { OnReadOpts, Socket } from 'node:net'
import { allocate, release } from '../workers/buffers.ts'
import { invariant, SftError } from './errors.ts'
import { FILLS, type FillingSource } from './filling.ts'

/**
 * Bytes read ahead of the consumer before the socket is paused: as many as it has consumed so far, within these bounds. A stranger, of
 * whom little is consumed before the handshake has ended, gets little memory.
 */
const MIN_READ_AHEAD = 16 * 1024
const MAX_READ_AHEAD = 512 * 1024
/** Largest buffer that bytes land in while nobody has named a place for them. */
const MAX_LANDING = 64 * 1024

type Piece = Uint8Array<ArrayBuffer>
type Result = IteratorResult<Piece, void>

/**
 * Reads a socket: its bytes flow out in pieces that the consumer owns, or into the place that `fill` names. Into a socket made with
 * `onread` the kernel writes there itself; from any other, Node's own buffers are copied. Memory: 512 KiB read ahead.
 *
 * Raises ERR_SFT_CONNECTION_LOST when the socket closes without an orderly end. An early return pauses the socket and destroys nothing.
 */
export class SocketReader implements FillingSource {
  readonly [FILLS] = true
  /** For `net.connect` and `new Socket`. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#place(),
    callback: (bytes, into) => this.#landed(bytes, into as Piece)
  }
  #socket: Socket | undefined
  #queue: Piece[] = []
  #queued = 0
  #ahead = MIN_READ_AHEAD
  #landing: Piece | undefined
  /** What is still empty of the place that a fill waits for. */
  #target: Uint8Array | undefined
  #arrived = (): void => {}
  #paused = false
  #ended = false
  #closed = false
  #returned = false
  #wake: (() => void) | undefined
  readonly #onData = (piece: Piece): void => {
    if (!this.#take(piece, true)) this.#socket?.pause()
  }
  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake?.()
  }
  readonly #onClose = (): void => {
    this.#closed = true
    this.#wake?.()
  }

  /** Takes a socket over for reading. `data`: it was made without `onread`. */
  attach(socket: Socket, { data = false }: { data?: boolean } = {}): this {
    this.#socket = socket
    this.#closed = socket.destroyed
    // the listener for errors stays: without one, a later error would end the process
    socket.on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose)
    if (data) socket.on('data', this.#onData)
    socket.resume()
    return this
  }

  async next(): Promise<Result> {
    while (!this.#returned) {
      const piece = this.#queue.shift()
      if (piece) {
        this.#queued -= piece.byteLength
        this.#consumed(piece.byteLength)
        return { done: false, value: piece }
      }
      if (this.#atEnd()) return this.return()
      await this.#waiting()
    }
    return { done: true, value: undefined }
  }

  /** Fills `into` completely, unless the socket ends. */
  async fill(into: Uint8Array, arrived = (): void => {}): Promise<number> {
    this.#arrived = arrived
    this.#target = into
    this.#takeQueued()
    while (this.#target.byteLength > 0 && !this.#returned && !this.#atEnd()) await this.#waiting()
    const filled = into.byteLength - this.#target.byteLength
    this.#target = undefined
    return filled
  }

  async return(): Promise<Result> {
    this.#returned = true
    this.#queue = []
    this.#socket?.pause()
    this.#socket?.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    this.#wake?.()
    return { done: true, value: undefined }
  }

  async throw(error: unknown): Promise<Result> {
    await this.return()
    throw error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Raises a connection that was lost before its end. */
  #atEnd(): boolean {
    if (this.#queue.length > 0 || this.#ended) return this.#queue.length === 0
    if (!this.#closed) return false
    void this.return()
    throw connectionLost(this.#socket?.errored)
  }

  async #waiting(): Promise<void> {
    invariant(this.#wake === undefined, 'two reads of one socket at once')
    if (this.#paused) this.#socket?.resume()
    this.#paused = false
    await new Promise<void>(resolve => {
      this.#wake = resolve
    })
    this.#wake = undefined
  }

  /** Where the next bytes are to go. Node asks right after each `#landed`, so that a place that is full is out of its hands. */
  #place(): Uint8Array {
    if (this.#target && this.#target.byteLength > 0) return this.#target
    this.#landing ??= allocate(Math.min(this.#ahead, MAX_LANDING))
    return this.#landing
  }

  /** `bytes` are in `into`. False stops the reading. */
  #landed(bytes: number, into: Piece): boolean {
    if (into !== this.#landing) {
      this.#advance(bytes)
      return true
    }
    // what fills most of a buffer goes out as it is; less is copied, so that small pieces do not hold large buffers
    const whole = bytes * 2 >= into.byteLength
    if (whole) this.#landing = undefined
    return this.#take(into.subarray(0, bytes), whole)
  }

  /** Takes a piece in: to the place that a fill waits for, and what is left to the queue. False when enough is there. */
  #take(piece: Piece, owned: boolean): boolean {
    const rest = this.#copyToTarget(piece)
    if (rest.byteLength > 0) {
      // not `slice`, which of a Buffer is a view
      this.#queue.push(owned ? rest : new Uint8Array(rest))
      this.#queued += rest.byteLength
      this.#wake?.()
    } else if (owned) {
      release(piece)
    }
    this.#paused = this.#queued >= this.#ahead
    return !this.#paused
  }

  #takeQueued(): void {
    for (let piece = this.#queue.shift(); piece; piece = this.#queue.shift()) {
      const rest = this.#copyToTarget(piece)
      this.#queued -= piece.byteLength - rest.byteLength
      if (rest.byteLength > 0) return void this.#queue.unshift(rest)
      release(piece)
    }
  }

  #copyToTarget(piece: Piece): Piece {
    const target = this.#target
    if (!target || target.byteLength === 0) return piece
    const taken = Math.min(target.byteLength, piece.byteLength)
    target.set(piece.subarray(0, taken))
    this.#advance(taken)
    return piece.subarray(taken)
  }

  /** So many bytes of the target have come. */
  #advance(bytes: number): void {
    this.#target = (this.#target as Uint8Array).subarray(bytes)
    this.#consumed(bytes)
    this.#arrived()
    if (this.#target.byteLength === 0) this.#wake?.()
  }

  #consumed(bytes: number): void {
    this.#ahead = Math.min(MAX_READ_AHEAD, this.#ahead + bytes)
  }
}

export function connectionLost(cause: unknown): SftError {
  return new SftError('ERR_SFT_CONNECTION_LOST', 'connection lost', {
    ...(cause ? { cause } : {}),
    hint: 'run the same command again'
  })
}
