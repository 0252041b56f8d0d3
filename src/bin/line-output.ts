import { fstatSync, write as writeFile, writeSync } from 'node:fs'
import { Socket } from 'node:net'

/** Bytes that wait for a reader who is slow; what comes beyond them is dropped. */
const MAX_WAITING = 1024 * 1024
/** ms without a byte taken after which nobody is waited for at the end. */
const PATIENCE_MS = 5000

interface Writer {
  /** Resolves once a text is with the system. */
  write(text: string): Promise<void>
  close(): void
}

interface Waiting {
  readonly text: string
  /** Another of the same key takes its place. */
  readonly key: string | undefined
}

/** Lines to a descriptor, whose reader neither ends nor holds up who writes them (M103): one that leaves is not told anything, one that is slow gets fewer lines. */
export class LineOutput {
  readonly #to: Writer
  #waiting: Waiting[] = []
  #bytes = 0
  #draining: Promise<void> | undefined
  #fault: unknown
  /** Lines that were not kept for a reader. */
  dropped = 0

  /** @throws what the system says of a descriptor that can not be written to. */
  constructor(descriptor: number) {
    this.#to = writerOf(descriptor)
  }

  /** False when it is dropped. */
  write(text: string, key?: string): boolean {
    if (this.#fault !== undefined) return false
    if (key !== undefined) this.#drop(this.#waiting.findIndex(each => each.key === key))
    if (this.#bytes + text.length > MAX_WAITING) {
      this.dropped++
      return false
    }
    this.#push({ text, key })
    return true
  }

  /** Resolves once all that was given is written. @throws what kept it from that */
  async written(): Promise<void> {
    await this.#draining
    if (this.#fault !== undefined) throw this.#fault
  }

  /** Writes a last line, waits for its reader as long as it reads, and lets go of a pipe. */
  async end(text: string): Promise<void> {
    if (this.#fault === undefined) this.#push({ text, key: undefined })
    for (let before = -1; this.#draining && before !== this.#bytes; ) {
      before = this.#bytes
      const patience = Promise.withResolvers<void>()
      const timer = setTimeout(patience.resolve, PATIENCE_MS)
      await Promise.race([this.#draining, patience.promise])
      clearTimeout(timer)
    }
    this.#to.close()
  }

  #push(line: Waiting): void {
    this.#waiting.push(line)
    this.#bytes += line.text.length
    this.#draining ??= this.#drain()
  }

  async #drain(): Promise<void> {
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        await this.#to.write(next.text)
        this.#bytes -= next.text.length
      }
    } catch (error) {
      this.#fault = error
      this.#waiting = []
    }
    this.#draining = undefined
  }

  #drop(index: number): void {
    const [gone] = index < 0 ? [] : this.#waiting.splice(index, 1)
    this.#bytes -= gone?.text.length ?? 0
  }
}

/** A pipe is written to without blocking a thread, since its reader may never read. */
function writerOf(descriptor: number): Writer {
  const stat = fstatSync(descriptor)
  // tells what is open for reading only
  writeSync(descriptor, '')
  if (!stat.isFIFO() && !stat.isSocket()) {
    return { write: text => writeWhole(descriptor, Buffer.from(text)), close: () => {} }
  }
  const socket = new Socket({ fd: descriptor, readable: false, writable: true })
  // each write is told of it
  socket.on('error', () => {})
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.write(text, error => (error ? reject(error) : resolve()))
    })
  return { write, close: () => void socket.destroy() }
}

async function writeWhole(descriptor: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    at += await new Promise<number>((resolve, reject) => {
      writeFile(descriptor, bytes, at, bytes.byteLength - at, null, (error, written) =>
        error ? reject(error) : resolve(written)
      )
    })
  }
}
