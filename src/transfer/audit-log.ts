import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { dirname } from 'node:path'
import {
  type AuditEvent,
  CHAIN_START,
  type ChainEnd,
  chainLine,
  hashOf,
  parseLink
} from '../auth/identity/audit-chain.ts'
import { fullFile, fullFiles, readText } from '../auth/identity/audit-files.ts'
import { takeLock } from '../auth/identity/lock-file.ts'
import { syncDirectory } from '../auth/identity/private-file.ts'
import { SftError } from '../streams/errors.ts'

/**
 * An audit in files (SPEC §8.3): one chain of lines, durable when `append` fulfils. A file that has grown takes a name with the number of its last line, and the chain
 * goes on in a new one. One process writes at a time.
 */

const MAX_FILE = 64 * 1024 * 1024

export interface AuditLogOptions {
  /** Bytes after which another file is begun; 64 MiB by default. */
  readonly maxBytes?: number
}

export interface AuditLog extends AsyncDisposable {
  /** Writes one line behind all others; on the disk when it fulfils. Once one has failed, all that follow do. */
  append(event: AuditEvent): Promise<void>
  /** @throws SftError ERR_SFT_FILE when a line could not be written: who must be audited does nothing more then. */
  check(): void
  close(): Promise<void>
}

/**
 * Opens an audit for writing, or begins one. A last line that a crash has cut is taken off, and a line says so.
 *
 * @throws SftError ERR_SFT_BUSY while another process writes it; ERR_SFT_AUDIT when its last line is none; ERR_SFT_FILE.
 */
export async function openAuditLog(path: string, { maxBytes = MAX_FILE }: AuditLogOptions = {}): Promise<AuditLog> {
  const lock = `${path}.lock`
  await takeLock(lock, 'another process writes this audit')
  try {
    return await Log.open(path, maxBytes, lock)
  } catch (cause) {
    await rm(lock, { force: true })
    throw SftError.is(cause) ? cause : new SftError('ERR_SFT_FILE', 'the audit cannot be opened', { cause })
  }
}

class Log implements AuditLog {
  readonly #path: string
  readonly #maxBytes: number
  readonly #lock: string
  readonly #by = `peer ${userInfo().username}@${hostname()}`
  #handle: FileHandle
  #bytes: number
  #end: ChainEnd
  #failure: SftError | undefined
  #last: Promise<void> = Promise.resolve()

  static async open(path: string, maxBytes: number, lock: string): Promise<Log> {
    const { end, whole, cut } = await readEnd(path)
    const handle = await openFile(path)
    if (cut > 0) await handle.truncate(whole)
    const log = new Log(path, maxBytes, lock, handle, whole, end)
    if (cut > 0) await log.append({ type: 'audit.cut', bytes: cut })
    return log
  }

  private constructor(path: string, maxBytes: number, lock: string, handle: FileHandle, bytes: number, end: ChainEnd) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#lock = lock
    this.#handle = handle
    this.#bytes = bytes
    this.#end = end
  }

  append(event: AuditEvent): Promise<void> {
    const written = this.#last.then(() => this.#write(event))
    this.#last = written.catch(() => undefined)
    return written
  }

  check(): void {
    if (this.#failure) throw this.#failure
  }

  async close(): Promise<void> {
    await this.#last
    await this.#handle.close()
    await rm(this.#lock, { force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #write(event: AuditEvent): Promise<void> {
    this.check()
    try {
      if (this.#bytes >= this.#maxBytes) await this.#rotate()
      const { line, end } = chainLine(this.#end, this.#by, event)
      const bytes = Buffer.from(`${line}\n`)
      await this.#handle.appendFile(bytes)
      await this.#handle.datasync()
      this.#bytes += bytes.byteLength
      this.#end = end
    } catch (cause) {
      this.#failure = new SftError('ERR_SFT_FILE', 'the audit cannot be written', { cause })
      throw this.#failure
    }
  }

  async #rotate(): Promise<void> {
    await this.#handle.close()
    await rename(this.#path, fullFile(this.#path, this.#end.seq))
    this.#handle = await openFile(this.#path)
    await syncDirectory(dirname(this.#path))
    this.#bytes = 0
  }
}

/** The end of the chain in the last file, or in the one before it that was just filled. */
async function readEnd(path: string): Promise<{ end: ChainEnd; whole: number; cut: number }> {
  const text = (await readText(path)) ?? ''
  const whole = text.lastIndexOf('\n') + 1
  const sizes = { whole: Buffer.byteLength(text.slice(0, whole)), cut: Buffer.byteLength(text.slice(whole)) }
  const before = whole === 0 ? ((await readText((await fullFiles(path)).at(-1)?.path)) ?? '') : text.slice(0, whole)
  const line = before.trimEnd().split('\n').at(-1) ?? ''
  if (line === '') return { end: CHAIN_START, ...sizes }
  const link = parseLink(line)
  if (link === undefined) throw new SftError('ERR_SFT_AUDIT', 'the last line of the audit is none')
  return { end: { seq: link.seq, hash: hashOf(line) }, ...sizes }
}

function openFile(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
  return open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600)
}
