import { type FileHandle, open } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Batch, Engine, Job, JobResult, ListedJob } from '../../index.ts'
import { resolvePeer } from '../directory.ts'
import { interruptible } from '../interrupt.ts'
import { type EngineFlags, formatBytes, openEngine, parseCount, sayStats, withEngine } from '../options.ts'
import { isTerminal, messageOf, say } from '../terminal.ts'

interface BatchFlags extends EngineFlags {
  concurrency?: number
  retry?: number
  spool?: string
  output?: string
}

const EXAMPLE = `
A list is one job a line, in JSON; paths are of this machine, or below what the peer serves:
  {"send":"report.pdf","to":"bob:"}
  {"send":"photos","to":"bob@files.example.org:12566","recursive":true,"exclude":["*.tmp"],"name":"photos-2026"}
  {"get":"plans/q3.pdf","from":"carol:","output":"q3.pdf","key":"q3"}
Also "include" and "streams"; of a get "force" or "rename". All lines are checked before anything is begun (exit 2).

Results are lines of JSON, one for each job. Exit 0: all are done; 23: some are not, and the same command tries those again.
What is done is not done again, whatever was killed when: the spool knows. To do all of it anew, remove the spool.

Examples:
  $ sft batch jobs.ndjson                          the spool is jobs.ndjson.spool
  $ sft batch jobs.ndjson --concurrency 8 -o results.ndjson
  $ find . -name "*.pdf" | jq -cR '{send: ., to: "bob:"}' | sft batch - --spool ~/spool`

/** `sft batch`: a list of sends and gets, done to its end. */
export function registerBatch(program: Command): void {
  withEngine(program.command('batch'))
    .description('do all sends and gets of a list, each once, however often it is interrupted')
    .argument('<jobs>', 'file with one job a line; - is standard input')
    .option('--concurrency <n>', 'jobs at once, 1 to 64 (default: 4)', parseCount)
    .option('--retry <n>', 'attempts more of a job after a failure that may pass (default: 5)', parseCount)
    .option('--spool <directory>', 'where it is written what is done (default: <jobs>.spool)')
    .option('-o, --output <file>', 'append the results to a file; - is standard output')
    .addHelpText('after', EXAMPLE)
    .action(batch)
}

async function batch(list: string, options: BatchFlags): Promise<void> {
  const spool = await spoolOf(list, options)
  const { readDescriptor, readFile, readJobs } = await import('../../index.ts')
  const jobs = await readJobs(list === '-' ? readDescriptor(0) : readFile(list))
  await using engine = await openEngine(options)
  const counts = await interruptible(signal => run(engine, jobs, { ...options, spool, signal }))
  sayStats(engine, options, 'socket')
  await requireAll(counts)
}

async function spoolOf(list: string, { spool }: BatchFlags): Promise<string> {
  const { SftError } = await import('../../index.ts')
  if (list !== '-') return spool ?? `${list}.spool`
  if (isTerminal(0))
    throw new SftError('ERR_SFT_USAGE', 'standard input is the terminal', { hint: 'sft batch --help shows a list' })
  if (spool !== undefined) return spool
  throw new SftError('ERR_SFT_USAGE', 'a list from standard input has no place for its spool', { hint: '--spool DIR' })
}

class Counts {
  done = 0
  before = 0
  failed = 0
  partial = 0
  bytes = 0

  add(result: JobResult): void {
    this[result.status]++
    if (result.before) this.before++
    if (result.status === 'failed') return
    if (result.omitted) this.partial++
    if (!result.before) this.bytes += result.bytes - result.resumedAt
  }
}

async function run(
  engine: Engine,
  jobs: readonly ListedJob[],
  { spool, concurrency, retry, output, signal }: BatchFlags & { spool: string; signal: AbortSignal }
): Promise<Counts> {
  const { writeDescriptor } = await import('../../index.ts')
  await using results = await openResults(output)
  await using batch = await engine.batch({
    spool,
    // a line that was taken out of the list is not to be done
    addedOnly: true,
    concurrency,
    retry,
    signal,
    locate: (name, kind) => resolvePeer(engine, name, kind),
    onRetry: (job, { message, code }, wait) =>
      say(`${titleOf(job)}: ${message} [${code}]; trying again in ${(wait / 1000).toFixed(1)} s`)
  })
  await batch.add(jobs.map(({ job }) => job))
  const counts = new Counts()
  try {
    await writeDescriptor(results.fd)(resultLines(batch, jobs, counts))
  } finally {
    sayCounts(counts, jobs.length)
  }
  return counts
}

async function* resultLines(batch: Batch, jobs: readonly ListedJob[], counts: Counts): AsyncGenerator<Uint8Array> {
  const lines = new Map(jobs.map(({ job, line }) => [job.key, line]))
  for await (const result of batch) {
    const { job, status } = result
    counts.add(result)
    if (status === 'failed') say(`${titleOf(job)}: ${result.error.message} [${result.error.code}]`)
    yield Buffer.from(`${JSON.stringify({ line: lines.get(job.key), ...result })}\n`)
  }
}

function titleOf(job: Job): string {
  return 'send' in job ? `${job.send} to ${job.to}` : `${job.get} from ${job.from}`
}

/** Standard output, or the end of a file: a list that is gone on with has its results together. */
async function openResults(output: string | undefined): Promise<Pick<FileHandle, 'fd'> & AsyncDisposable> {
  if (output === undefined || output === '-') return { fd: 1, [Symbol.asyncDispose]: async () => {} }
  try {
    return await open(output, 'a', 0o600)
  } catch (cause) {
    const { SftError } = await import('../../index.ts')
    throw new SftError('ERR_SFT_FILE', `can not write ${output}: ${messageOf(cause)}`, { cause })
  }
}

function sayCounts({ done, before, failed, bytes }: Counts, jobs: number): void {
  const earlier = before > 0 ? ` (${before} before)` : ''
  const left = jobs - done - failed
  const rest = left > 0 ? `; the same command goes on with the other ${left}` : ''
  say(`${done} done${earlier}, ${failed} failed, ${formatBytes(bytes)}${rest}`)
}

async function requireAll({ done, failed, partial }: Counts): Promise<void> {
  if (failed + partial === 0) return
  const { SftError } = await import('../../index.ts')
  if (failed === 0) throw new SftError('ERR_SFT_PARTIAL', `of ${partial} directories something was left out`)
  throw new SftError('ERR_SFT_PARTIAL', `${failed} of ${done + failed} jobs failed`, {
    hint: 'the same command tries those again'
  })
}
