import { createHash } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { takeLock, tryLock } from '../auth/identity/lock-file.ts'
import { readSmallFile } from '../auth/identity/private-file.ts'
import { SftError, type SftErrorCode } from '../streams/errors.ts'
import type { Existing } from '../streams/existing.ts'
import type { Metadata } from '../streams/header.ts'
import {
  createPart,
  type PartFile,
  partPath,
  refuse,
  removePart,
  type Witness,
  writeFile
} from '../streams/write-file.ts'
import { bootId } from './boot-id.ts'
import type { Begun, Destination } from './destination.ts'
import { isSameFile } from './file-id.ts'
import { firstBytes } from './first-bytes.ts'
import { Lease } from './lease.ts'

/**
 * Files that came in part, and wait for the rest (SPEC §8.4). Beside the `.part` lies its journal: which state of which file it is, and how much of it was on the disk. What was written
 * and what is on the disk differ only after a power cut, which the system's boot id tells.
 */

/** Whose part it is: nobody else continues it. */
export interface PartialOwner {
  /** Name of the peer who sends. */
  readonly peer: string
  readonly direction: 'get' | 'send'
}

interface Journal {
  readonly id: string
  /** Absent where the sender does not know. */
  readonly size?: number | undefined
  readonly inode: string
  readonly boot: string
}

/** Bytes of a journal: a line every 32 MiB of 10 TiB. */
const MAX_JOURNAL = 4 * 1024 * 1024
/** After these the bytes are worth nothing: they are of another file, or of a peer who breaks rules. */
const WORTHLESS: readonly SftErrorCode[] = [
  'ERR_SFT_CHUNK_AUTH',
  'ERR_SFT_CHUNK_ORDER',
  'ERR_SFT_CHUNK_SIZE',
  'ERR_SFT_FINAL',
  'ERR_SFT_TRAILING',
  'ERR_SFT_PROTOCOL',
  'ERR_SFT_ENCODING',
  'ERR_SFT_FRAME_TYPE',
  'ERR_SFT_SOURCE_CHANGED',
  'ERR_SFT_LIMIT',
  'ERR_SFT_EXISTS'
]

export function isWorthless(error: unknown): boolean {
  return SftError.is(error) && WORTHLESS.includes(error.code)
}

export interface ResumableOptions {
  readonly owner: PartialOwner
  readonly existing?: Existing | undefined
  readonly witness?: Witness | undefined
  readonly signal?: AbortSignal | undefined
}

/** A file that goes on where an earlier attempt ended, if it is of the same owner and the same state of the same file. */
export function resumableFile(
  directory: string,
  name: string,
  { owner, existing, witness, signal }: ResumableOptions
): Destination {
  const path = partPath(directory, name, keyOf(owner))
  const lease = new Lease(lockOf(path))
  const common = { owned: true, existing, witness, ...(signal && { signal }) }
  return {
    kind: 'durable',
    begun: () => lease.begun(() => begunAt(path), existing, 'another process receives this file'),
    lost: () => lease.release(),
    kept: bytes => firstBytes(path, bytes),
    sink: (metadata, start = 0) => {
      const options = { ...common, holes: metadata.holes === 1 }
      return async source => {
        if (metadata.fileId === undefined) {
          await lease.release()
          return writeFile(directory, name, options)(source)
        }
        const part = await partOf(path, metadata, start, lease).catch(error => refuse(source, error))
        return writeFile(directory, name, { ...options, ...part })(source)
      }
    }
  }
}

/** Alone, a part is continued or begun; while another process writes it, a beginning goes elsewhere. */
async function partOf(path: string, metadata: Metadata, start: number, lease: Lease): Promise<{ part?: PartFile }> {
  if (!lease.handOver()) {
    if (start === 0 && !(await tryLock(lockOf(path)))) return {}
    if (start > 0) await takeLock(lockOf(path), 'another process receives this file')
  }
  return { part: new Partial(path, metadata, start) }
}

class Partial implements PartFile {
  readonly path: string
  readonly #metadata: Metadata
  readonly #start: number
  #journal: FileHandle | undefined
  #noting: Promise<unknown> = Promise.resolve()

  constructor(path: string, metadata: Metadata, start: number) {
    this.path = path
    this.#metadata = metadata
    this.#start = start
  }

  async open(): Promise<FileHandle> {
    try {
      return this.#start === 0 ? await this.#begin() : await this.#continue()
    } catch (error) {
      await this.close(true)
      throw error
    }
  }

  onDurable(bytes: number): void {
    // without a flush of its own: a line that a power cut takes only means that less is known to be there
    this.#noting = this.#noting.then(() => this.#journal?.appendFile(`${this.#start + bytes}\n`)).catch(() => undefined)
  }

  keepsAfter(error: unknown, written: number): boolean {
    return this.#start + written > 0 && !isWorthless(error)
  }

  async close(kept = false): Promise<void> {
    await this.#noting
    await this.#journal?.close()
    if (!kept) await removePart(journalOf(this.path))
    await removePart(lockOf(this.path))
  }

  async #begin(): Promise<FileHandle> {
    for (const old of [journalOf(this.path), this.path]) await removePart(old)
    const file = await createPart(this.path)
    try {
      const { ino } = await file.stat({ bigint: true })
      const { fileId = new Uint8Array(), size } = this.#metadata
      const journal: Journal = {
        id: Buffer.from(fileId).toString('hex'),
        size,
        inode: String(ino),
        boot: await bootId()
      }
      this.#journal = await createPart(journalOf(this.path))
      await this.#journal.appendFile(`${JSON.stringify(journal)}\n`)
      return file
    } catch (error) {
      await file.close()
      await removePart(this.path)
      throw error
    }
  }

  async #continue(): Promise<FileHandle> {
    const begun = await begunAt(this.path)
    if (begun === undefined || begun.bytes < this.#start || !isSameFile(begun.id, this.#metadata.fileId))
      throw new SftError('ERR_SFT_BUSY', 'what was begun of this file has changed meanwhile')
    const { O_APPEND, O_NOFOLLOW, O_WRONLY } = constants
    const file = await open(this.path, O_WRONLY | O_APPEND | O_NOFOLLOW)
    try {
      this.#journal = await open(journalOf(this.path), O_WRONLY | O_APPEND | O_NOFOLLOW)
      // before anything beyond it is written: what was there may have been longer, and its last line may have no end
      await this.#journal.appendFile(`\n${this.#start}\n`)
      await this.#journal.datasync()
      await file.truncate(this.#start)
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }
}

/** What a part has; undefined where there is none that one could trust. */
async function begunAt(path: string): Promise<Begun | undefined> {
  // most files have none, and a look is quicker here than in a thread
  if (!existsSync(journalOf(path))) return undefined
  const text = await readSmallFile(journalOf(path), MAX_JOURNAL).catch(() => undefined)
  const found = await lstat(path, { bigint: true }).catch(() => undefined)
  const [head = '', ...lines] = (text ?? '').split('\n')
  const journal = parse(head)
  if (journal === undefined || !found?.isFile() || found.nlink !== 1n || String(found.ino) !== journal.inode)
    return undefined
  if (process.getuid && found.uid !== BigInt(process.getuid())) return undefined
  // what is behind the last end of line may be half a number
  const durable = Number(lines.slice(0, -1).at(-1) ?? 0)
  const written = Number(found.size)
  const bytes = journal.boot === (await bootId()) ? written : Math.min(written, durable)
  return bytes > 0 && bytes <= (journal.size ?? bytes) ? { id: Buffer.from(journal.id, 'hex'), bytes } : undefined
}

function parse(head: string): Journal | undefined {
  try {
    const { id, size, inode, boot } = JSON.parse(head) as Record<string, unknown>
    const whole = typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) && typeof inode === 'string'
    const known = size === undefined || typeof size === 'number'
    return whole && known && typeof boot === 'string' ? { id, size, inode, boot } : undefined
  } catch {
    // a crash cut it
    return undefined
  }
}

function keyOf({ peer, direction }: PartialOwner): string {
  return createHash('sha256').update(`${direction} ${peer}`).digest('hex').slice(0, 12)
}

function lockOf(path: string): string {
  return `${path}.lock`
}

function journalOf(path: string): string {
  return `${path}.journal`
}
