import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, say } from '../terminal.ts'

/**
 * The lines of this shell and of those before it, in a file of mode 0600. What people write to each other stays out of the file, and so does a line that begins with a
 * blank; passwords are asked elsewhere, and never come here.
 */

const FILE = 'shell-history'
/** Lines that are remembered, and bytes of the longest. */
const MAX_LINES = 1000
const MAX_LINE = 1024
/** Bytes beyond which the file is written anew, with the last lines only. */
const MAX_FILE = 256 * 1024

export class History {
  /** The latest first. */
  readonly lines: string[]
  readonly #path: string
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, lines: string[]) {
    this.#path = path
    this.lines = lines
  }

  /** A file that can not be read is said, and nothing is remembered from it. */
  static async open(directory: string): Promise<History> {
    const path = join(directory, FILE)
    const lines = await readLines(path).catch(notKept)
    return new History(path, lines ?? [])
  }

  /** Remembers a line; on the disk too, unless it is for the eyes of one. */
  add(line: string, onDisk = true): void {
    if (!isKept(line)) return
    const before = this.lines.indexOf(line)
    if (before >= 0) this.lines.splice(before, 1)
    this.lines.unshift(line)
    this.lines.splice(MAX_LINES)
    if (onDisk) this.#writing = this.#writing.then(() => append(this.#path, line)).catch(notKept)
  }

  /** Fulfilled once all of it is in the file. */
  written(): Promise<void> {
    return this.#writing
  }
}

function isKept(line: string): boolean {
  return /^\S/.test(line) && !/\p{Cc}/u.test(line) && Buffer.byteLength(line) <= MAX_LINE
}

/** Whatever is there, it is no link, and nobody else reads it. */
async function withFile<T>(path: string, flags: number, work: (file: FileHandle, size: number) => Promise<T>) {
  const { O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = await open(path, flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error(`${path} is no file`)
    if ((stat.mode & 0o077) !== 0) await file.chmod(0o600)
    return await work(file, stat.size)
  } finally {
    await file.close()
  }
}

/** One write of one line, so that two shells at once do not mix them. */
function append(path: string, line: string): Promise<void> {
  return withFile(path, constants.O_WRONLY | constants.O_APPEND, async file => {
    await file.write(`${line}\n`)
  })
}

/** The latest first. */
function readLines(path: string): Promise<string[]> {
  return withFile(path, constants.O_RDWR, async (file, size) => {
    const bytes = Buffer.alloc(Math.min(size, MAX_FILE))
    const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, size - bytes.byteLength)
    const text = bytes.toString('utf8', 0, bytesRead).split('\n')
    // the first may have lost its beginning
    const whole = text.slice(size > MAX_FILE ? 1 : 0).filter(isKept)
    const lines = [...new Set(whole.reverse())].slice(0, MAX_LINES)
    if (size > MAX_FILE) await rewrite(file, lines)
    return lines
  })
}

async function rewrite(file: FileHandle, lines: readonly string[]): Promise<void> {
  const text = lines.toReversed().map(line => `${line}\n`)
  await file.truncate(0)
  await file.write(text.join(''), 0)
}

function notKept(error: unknown): undefined {
  say(`the history is not kept: ${messageOf(error)}`)
}
