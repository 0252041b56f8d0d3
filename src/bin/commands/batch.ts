import { type FileHandle, open } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Batch, Engine, Job, ListedJob } from '../../index.ts'
import { resolvePeer } from '../directory.ts'
import { interruptible } from '../interrupt.ts'
import { type JsonFlags, requireFreeOutput, withJson } from '../json-flags.ts'
import { type EngineFlags, openEngine, parseCount, withEngine } from '../options.ts'
import { type ProgressFlags, showsProgress, withProgress, withStatus } from '../progress.ts'
import { reader } from '../reader.ts'
import { withStats } from '../stats.ts'
import { clearStatus } from '../status-line.ts'
import { Tally } from '../tally.ts'
import { isTerminal, jsonLine, messageOf, say } from '../terminal.ts'

interface BatchFlags extends EngineFlags, JsonFlags, ProgressFlags {
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
  withJson(withProgress(withEngine(program.command('batch'))))
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
  const { output = '-' } = options
  await requireFreeOutput(output === '-')
  const spool = await spoolOf(list, options)
  const { readDescriptor, readFile, readJobs } = await import('../../index.ts')
  const jobs = await readJobs(list === '-' ? readDescriptor(0) : readFile(list))
  await using engine = await openEngine(options)
  const tally = await withStats(engine, options, 'socket', () =>
    interruptible(signal => run(engine, jobs, { ...options, spool, signal }))
  )
  await requireAll(tally)
}

async function spoolOf(list: string, { spool }: BatchFlags): Promise<string> {
  const { SftError } = await import('../../index.ts')
  if (list !== '-') return spool ?? `${list}.spool`
  if (isTerminal(0))
    throw new SftError('ERR_SFT_USAGE', 'standard input is the terminal', { hint: 'sft batch --help shows a list' })
  if (spool !== undefined) return spool
  throw new SftError('ERR_SFT_USAGE', 'a list from standard input has no place for its spool', { hint: '--spool DIR' })
}

async function run(
  engine: Engine,
  jobs: readonly ListedJob[],
  options: BatchFlags & { spool: string; signal: AbortSignal }
): Promise<Tally> {
  const { spool, concurrency, retry, output, quiet, signal } = options
  const { writeDescriptor } = await import('../../index.ts')
  const tally = new Tally(jobs.length)
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
      say(`${titleOf(job)}: ${message} [${code}]; trying again in ${(wait / 1000).toFixed(1)} s`),
    onEvent: event => {
      tally.follow(event)
      reader()?.event(event)
    }
  })
  await batch.add(jobs.map(({ job }) => job))
  const status = { bar: () => tally.phrases, line: () => tally.line }
  try {
    await withStatus(showsProgress(options), status, () => writeDescriptor(results.fd)(resultLines(batch, jobs, tally)))
  } finally {
    if (!quiet) say(tally.left > 0 ? `${tally.end}; the same command goes on with the other ${tally.left}` : tally.end)
  }
  return tally
}

async function* resultLines(batch: Batch, jobs: readonly ListedJob[], tally: Tally): AsyncGenerator<Uint8Array> {
  const lines = new Map(jobs.map(({ job, line }) => [job.key, line]))
  for await (const result of batch) {
    tally.add(result)
    if (result.status === 'failed') say(`${titleOf(result.job)}: ${result.error.message} [${result.error.code}]`)
    // the terminal may be where the results go
    clearStatus()
    yield Buffer.from(jsonLine({ line: lines.get(result.job.key), ...result }))
  }
}

/** `NAME:` is the name, before a colon as elsewhere. */
function titleOf(job: Job): string {
  const title = 'send' in job ? `${job.send} to ${job.to}` : `${job.get} from ${job.from}`
  return title.replace(/:$/, '')
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

async function requireAll({ done, failed, partial }: Tally): Promise<void> {
  if (failed + partial === 0) return
  const { SftError } = await import('../../index.ts')
  if (failed === 0) throw new SftError('ERR_SFT_PARTIAL', `of ${partial} directories something was left out`)
  throw new SftError('ERR_SFT_PARTIAL', `${failed} of ${done + failed} jobs failed`, {
    hint: 'the same command tries those again'
  })
}
