import type { Failure } from '../events.ts'
import type { KeyedJob } from './job.ts'

/** What a batch needs of a queue. The spool is one; whoever has a queue engine already puts it in its place. */

/** How a job ended; plain data. */
export type JobOutcome = JobDone | JobFailed

interface JobEnd {
  /** Attempts of the run in which it ended. */
  readonly attempts: number
  /** When it ended; RFC 3339. */
  readonly time: string
}

export interface JobDone extends JobEnd {
  readonly status: 'done'
  /** Plaintext bytes of the whole, and of them those that an earlier attempt had moved. */
  readonly bytes: number
  readonly resumedAt: number
  /** What of a directory its sender had to leave out. */
  readonly omitted?: number
  /** What it is called here, where its name was taken. */
  readonly renamed?: string
}

export interface JobFailed extends JobEnd {
  readonly status: 'failed'
  readonly error: Failure
}

/**
 * Jobs that wait, are worked at, and have ended. What a call has fulfilled is there after a crash; a job that was claimed when its worker died waits again, which is for the queue to notice.
 */
export interface JobQueue {
  /** Names the queue for good: with it and its key a job is the same one for every peer (M82). */
  readonly id: string
  /**
   * Adds jobs. One that is done stays so; one that failed waits again; one that waits or is worked at is there once.
   *
   * @returns how those ended that are done, by their keys
   * @throws SftError ERR_SFT_USAGE when a key is that of another job, ERR_SFT_LIMIT when it is full: then none of them is added
   */
  add(jobs: readonly KeyedJob[]): Promise<ReadonlyMap<string, JobOutcome>>
  /** Gives a job that waits to one worker; undefined when none does: a batch without work ends. It may wait for one until `signal` aborts. */
  claim(signal: AbortSignal): Promise<KeyedJob | undefined>
  /** It is done, for good. Only then its peer forgets that. */
  done(key: string, outcome: JobDone): Promise<void>
  /** It failed for now: it waits again once it is added again. */
  fail(key: string, outcome: JobFailed): Promise<void>
  /** Its worker stops before its end: it waits again. */
  release(key: string): Promise<void>
}
