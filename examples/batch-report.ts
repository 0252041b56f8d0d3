import { writeFile } from 'node:fs/promises'
import { dataDirectory, Engine, type JobResult, loadIdentity, readFile, readJobs, type SftError } from 'sft'

/**
 * Does all sends and gets of a list, four at once, and writes a report: a table of the peers, and what has failed. Killed at any moment and started again it goes on,
 * and does nothing twice.
 *
 *     node examples/batch-report.ts jobs.ndjson report.txt
 *
 * A line of the list is {"send":"report.pdf","to":"bob@files.example.org:12566"} or {"get":"q3.pdf","from":"carol@files.example.org:12566"}.
 */

const [list, report] = process.argv.slice(2)
if (list === undefined || report === undefined) {
  console.error('usage: batch-report.ts LIST REPORT')
  process.exit(2)
}

/** Ctrl-C stops what is under way in order; the spool has the rest. */
const stop = new AbortController()
process.once('SIGINT', () => stop.abort())

try {
  const results = await runAll(list, stop.signal)
  const failed = results.filter(({ status }) => status === 'failed').length
  await writeFile(report, reportOf(results))
  console.error(`${results.length - failed} done, ${failed} failed`)
  process.exitCode = failed > 0 ? 23 : 0
} catch (error) {
  if (stop.signal.aborted) process.exitCode = 130
  else {
    const { message, code, exitCode = 1 } = error as Partial<SftError>
    console.error(`${message} [${code}]`)
    process.exitCode = exitCode
  }
}

async function runAll(list: string, signal: AbortSignal): Promise<JobResult[]> {
  const jobs = await readJobs(readFile(list))
  await using engine = new Engine({ identity: await loadIdentity(dataDirectory(process.env)) })
  await using batch = await engine.batch({
    spool: `${list}.spool`,
    concurrency: 4,
    signal,
    onRetry: (job, error, wait) => console.error(`${peerOf(job)}: ${error.message}; again in ${wait} ms`)
  })
  await batch.add(jobs.map(({ job }) => job))
  const results: JobResult[] = []
  for await (const result of batch) {
    results.push(result)
    console.error(`${results.length} of ${jobs.length}: ${titleOf(result)} ${result.status}`)
  }
  return results
}

function reportOf(results: readonly JobResult[]): string {
  const peers = Map.groupBy(results, ({ job }) => peerOf(job))
  const rows = [...peers].sort().map(([peer, ofPeer]) => [peer, ...figuresOf(ofPeer)])
  const table = [['peer', 'done', 'before', 'failed', 'bytes'], ...rows].map(row =>
    row.map((cell, column) => (column === 0 ? String(cell).padEnd(32) : String(cell).padStart(12))).join('')
  )
  const failures = results.flatMap(result =>
    result.status === 'failed'
      ? `${titleOf(result)}: ${result.error.message} [${result.error.code}], ${result.attempts} attempts`
      : []
  )
  return `${[...table, '', ...failures.sort()].join('\n').trimEnd()}\n`
}

/** Done, done by an earlier run, failed; and bytes of what was done. */
function figuresOf(results: readonly JobResult[]): number[] {
  const done = results.filter(result => result.status === 'done')
  const before = done.filter(result => result.before).length
  return [done.length, before, results.length - done.length, done.reduce((sum, { bytes }) => sum + bytes, 0)]
}

function peerOf(job: JobResult['job']): string {
  return 'send' in job ? job.to : job.from
}

function titleOf({ job }: JobResult): string {
  return 'send' in job ? `${job.send} to ${job.to}` : `${job.get} from ${job.from}`
}
