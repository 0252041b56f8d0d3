import { type FileHandle, open } from 'node:fs/promises'
import { SftError } from '../../streams/errors.ts'
import { readFile } from '../../streams/read-file.ts'
import { MAX_JOB } from './job.ts'
import { type Line, linesOf } from './lines.ts'

/** Records that are only ever appended, a line of JSON each. A last line that a crash has cut is taken off. */

/** Bytes of a record: a job, or what came of one. */
const MAX_RECORD = 2 * MAX_JOB

export class Journal {
  readonly #file: FileHandle
  /** Records that the next write takes, and that write. */
  readonly #pending: string[] = []
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()
  #failure: SftError | undefined

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /**
   * Opens the journal at `path`, or begins one, and tells its records.
   *
   * @throws SftError ERR_SFT_FILE for one that can not be read, and for a line in it that is none
   */
  static async open(path: string, tell: (record: unknown) => void): Promise<Journal> {
    const file = await open(path, 'a+', 0o600).catch(cause => {
      throw new SftError('ERR_SFT_FILE', `the journal can not be opened: ${cause.message}`, { cause })
    })
    try {
      await file.truncate(await tellRecords(path, tell))
      return new Journal(file)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Appends records, in the order of the calls; they are on the disk once it fulfils. Calls that come while the disk is busy share the next write. Once one has failed, all do. */
  append(records: Iterable<object>): Promise<void> {
    for (const record of records) this.#pending.push(`${JSON.stringify(record)}\n`)
    this.#next ??= this.#last.then(() => this.#write())
    this.#last = this.#next.catch(() => undefined)
    return this.#next
  }

  async close(): Promise<void> {
    await this.#last
    await this.#file.close()
  }

  async #write(): Promise<void> {
    const text = this.#pending.splice(0).join('')
    this.#next = undefined
    if (this.#failure) throw this.#failure
    try {
      await this.#file.appendFile(text)
      await this.#file.datasync()
    } catch (cause) {
      const { message } = cause as Error
      this.#failure = new SftError('ERR_SFT_FILE', `the journal can not be written: ${message}`, { cause })
      throw this.#failure
    }
  }
}

/** @returns bytes of the whole lines */
async function tellRecords(path: string, tell: (record: unknown) => void): Promise<number> {
  let whole = 0
  for await (const line of linesOf(readFile(path), MAX_RECORD)) {
    if (!line.whole) break
    tellRecord(path, line, tell)
    whole = line.end
  }
  return whole
}

function tellRecord(path: string, { text, number }: Line, tell: (record: unknown) => void): void {
  try {
    tell(JSON.parse(text ?? ''))
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', `line ${number} of ${path} is no record`, {
      cause,
      hint: 'what is done is not known any more; without this directory all of it is done anew'
    })
  }
}
