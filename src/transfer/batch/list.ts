import { SftError } from '../../streams/errors.ts'
import type { Source } from '../../streams/types.ts'
import { type KeyedJob, keyedJob, MAX_JOB } from './job.ts'
import { type Line, linesOf } from './lines.ts'

/** The list of a batch: a line of JSON for each job. */

/** Jobs of one list, and of one queue. */
export const MAX_JOBS = 100_000
/** Bytes of one list. */
const MAX_LIST = 64 * 1024 * 1024
/** Faults that are told of one list. */
const MOST_TOLD = 10

/** A job, and the number of its line. */
export interface ListedJob {
  readonly line: number
  readonly job: KeyedJob
}

/**
 * Reads a list; empty lines count for nothing, and a job that is there again is there once. All of it is checked before any of it can be begun (M110).
 *
 * @throws SftError ERR_SFT_USAGE that says which lines are no jobs, or have the key of another; ERR_SFT_LIMIT.
 */
export async function readJobs(source: Source<Uint8Array>): Promise<readonly ListedJob[]> {
  const jobs = new Map<string, ListedJob>()
  const faults: string[] = []
  for await (const line of linesOf(source, MAX_JOB)) {
    const fault = enter(jobs, line)
    if (line.end > MAX_LIST || jobs.size > MAX_JOBS)
      throw new SftError('ERR_SFT_LIMIT', `a list has at most ${MAX_JOBS} jobs and 64 MiB`)
    if (fault !== undefined) faults.push(`line ${line.number}: ${fault}`)
    if (faults.length === MOST_TOLD) break
  }
  if (faults.length > 0) throw new SftError('ERR_SFT_USAGE', faults.join('; '), { hint: 'nothing was begun' })
  return [...jobs.values()]
}

/** What is wrong with a line, if something is. */
function enter(jobs: Map<string, ListedJob>, { text, number: line }: Line): string | undefined {
  if (text?.trim() === '') return undefined
  const job = parse(text)
  if (typeof job === 'string') return job
  const { line: other = line, job: known = job } = jobs.get(job.key) ?? {}
  if (JSON.stringify(known) !== JSON.stringify(job)) return `it has the key of line ${other}, which is another job`
  jobs.set(job.key, { line: other, job })
  return undefined
}

function parse(text: string | undefined): KeyedJob | string {
  if (text === undefined) return 'that is no UTF-8'
  try {
    return keyedJob(JSON.parse(text.trim()))
  } catch (error) {
    return SftError.is(error) ? error.message : 'that is no JSON'
  }
}
