import { rename } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { takeLock } from '../../auth/identity/lock-file.ts'
import { makePrivateDirectory, syncDirectory } from '../../auth/identity/private-file.ts'
import { SftError } from '../../streams/errors.ts'
import { removePart } from '../../streams/write-file.ts'
import { type KeyedJob, keyedJob } from './job.ts'
import { Journal } from './journal.ts'
import { MemoryQueue } from './memory-queue.ts'
import type { JobDone, JobFailed, JobOutcome, JobQueue } from './queue.ts'

/** A queue in a directory (SPEC §8.10): a journal of what was added and how it ended, for one process at a time. */

const TYPE = 'sft/1 spool'
/** Records for each job, and some more, above which the journal is written anew when it is opened. */
const MOST_FOR_EACH = 4
const FEW = 64

export interface SpoolOptions {
  /** What an earlier process has left waits until it is added again. Default false: it is to be done. */
  readonly addedOnly?: boolean | undefined
}

export class Spool implements JobQueue, AsyncDisposable {
  readonly #directory: string
  readonly #journal: Journal
  readonly #jobs: MemoryQueue

  private constructor(directory: string, { journal, jobs }: Loaded) {
    this.#directory = directory
    this.#journal = journal
    this.#jobs = jobs
  }

  /**
   * Opens the spool in a directory, or makes one.
   *
   * @throws SftError ERR_SFT_BUSY while another process has it, ERR_SFT_FILE for one that can not be read
   */
  static async open(path: string, { addedOnly = false }: SpoolOptions = {}): Promise<Spool> {
    const directory = resolve(path)
    await makePrivateDirectory(directory)
    await takeLock(lockOf(directory), 'another process works on this spool')
    try {
      const loaded = await load(directory)
      if (!addedOnly) await releaseAll(loaded.jobs)
      return new Spool(directory, loaded)
    } catch (error) {
      await removePart(lockOf(directory))
      throw error
    }
  }

  get id(): string {
    return this.#jobs.id
  }

  async add(jobs: readonly KeyedJob[]): Promise<ReadonlyMap<string, JobOutcome>> {
    const { waiting, fresh, ended } = this.#jobs.enter(jobs)
    await this.#journal.append(waiting.map(job => (fresh.has(job.key) ? { add: job } : { again: job.key })))
    for (const { key } of waiting) await this.#jobs.release(key)
    return ended
  }

  claim(): Promise<KeyedJob | undefined> {
    return this.#jobs.claim()
  }

  done(key: string, outcome: JobDone): Promise<void> {
    return this.#end(key, outcome)
  }

  fail(key: string, outcome: JobFailed): Promise<void> {
    return this.#end(key, outcome)
  }

  release(key: string): Promise<void> {
    return this.#jobs.release(key)
  }

  /** Lets another process have it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal.close()
    await removePart(lockOf(this.#directory))
  }

  async #end(key: string, outcome: JobOutcome): Promise<void> {
    await this.#journal.append([{ ended: key, outcome }])
    this.#jobs.end(key, outcome)
  }
}

interface Loaded {
  readonly journal: Journal
  readonly jobs: MemoryQueue
}

async function load(directory: string): Promise<Loaded> {
  const path = join(directory, 'journal')
  let jobs: MemoryQueue | undefined
  let records = 0
  const journal = await Journal.open(path, record => {
    records++
    if (jobs) replay(jobs, record)
    else jobs = begun(record)
  })
  if (jobs && records <= MOST_FOR_EACH * jobs.size + FEW) return { journal, jobs }
  await journal.close()
  if (!jobs) await syncDirectory(dirname(directory))
  const known = jobs ?? new MemoryQueue()
  return { journal: await rewrite(directory, known), jobs: known }
}

/** Writes the journal anew, beside the old one until it is whole. */
async function rewrite(directory: string, jobs: MemoryQueue): Promise<Journal> {
  const [path, next] = [join(directory, 'journal'), join(directory, 'journal.next')]
  await removePart(next)
  const journal = await Journal.open(next, () => {})
  await journal.append(records(jobs))
  await rename(next, path)
  await syncDirectory(directory)
  return journal
}

function* records(jobs: MemoryQueue): Generator<object> {
  yield { type: TYPE, id: jobs.id }
  for (const { job, outcome } of jobs.entries()) {
    yield { add: job }
    if (outcome) yield { ended: job.key, outcome }
  }
}

function begun(record: unknown): MemoryQueue {
  const { type, id } = record as { type?: unknown; id?: unknown }
  if (type !== TYPE || typeof id !== 'string') throw notOurs()
  return new MemoryQueue(id)
}

/** What happened once, happens in memory. */
function replay(jobs: MemoryQueue, record: unknown): void {
  const { add, again, ended, outcome } = record as Record<string, unknown>
  const job = typeof again === 'string' ? jobs.find(again) : add ? keyedJob(add) : undefined
  if (job) jobs.load(job)
  else if (typeof ended !== 'string' || !isOutcome(outcome) || !jobs.end(ended, outcome)) throw notOurs()
}

function isOutcome(outcome: unknown): outcome is JobOutcome {
  const { status } = (outcome ?? {}) as { status?: unknown }
  return status === 'done' || status === 'failed'
}

async function releaseAll(jobs: MemoryQueue): Promise<void> {
  for (const { job, outcome } of jobs.entries()) if (!outcome) await jobs.release(job.key)
}

function notOurs(): SftError {
  return new SftError('ERR_SFT_ENCODING', 'that is no record of a spool')
}

function lockOf(directory: string): string {
  return join(directory, 'lock')
}
