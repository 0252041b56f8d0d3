import type { FileHandle } from 'node:fs/promises'
import type { Source } from './types.ts'

/** Bytes between two flushes: large enough for the disk to work in long runs, small enough that little is left for the end. */
const FLUSH_EVERY = 32 * 1024 * 1024

/**
 * Makes a file durable while it is still being written: the disk's time overlaps with the network's instead of following it. At
 * most one flush is under way beside the writes; a flush that fails is the failure of the file, since the system reports such a fault only once.
 */
export class WriteBack {
  readonly #file: FileHandle
  readonly #onDurable: (bytes: number) => void
  #written = 0
  #unflushed = 0
  #running: Promise<void> | undefined
  #failure: { error: unknown } | undefined

  /** @param onDurable told how many bytes, of those that went through, are on the disk */
  constructor(file: FileHandle, onDurable: (bytes: number) => void = () => {}) {
    this.#file = file
    this.#onDurable = onDurable
  }

  /** Bytes of the pieces that are written. */
  get written(): number {
    return this.#written
  }

  /** Passes pieces on, and flushes behind their consumer. A piece that was asked for means that the one before it is written. */
  async *behind(source: Source<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of source) {
      const { byteLength } = piece
      yield piece
      if (this.#failure) throw this.#failure.error
      this.#written += byteLength
      this.#unflushed += byteLength
      if (this.#unflushed >= FLUSH_EVERY && !this.#running) this.#start()
    }
  }

  /** Waits until everything is on the disk. Raises the fault of any flush, as the file system gave it. */
  async finish(): Promise<void> {
    await this.settle()
    if (this.#failure) throw this.#failure.error
    await this.#file.datasync()
  }

  /** Waits for a flush under way, whatever comes of it: the file must not be closed under it. */
  async settle(): Promise<void> {
    await this.#running
  }

  #start(): void {
    this.#unflushed = 0
    const written = this.#written
    this.#running = this.#file
      .datasync()
      .then(() => this.#onDurable(written))
      .catch((error: unknown) => {
        this.#failure = { error }
      })
      .finally(() => {
        this.#running = undefined
      })
  }
}
