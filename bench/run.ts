import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { aead } from './aead.ts'
import { frames } from './frame.ts'
import { handshake } from './handshake.ts'
import { loopback } from './loopback.ts'
import { type Case, measure } from './measure.ts'
import { memory } from './memory.ts'
import { microCase } from './micro.ts'
import { pipe } from './pipe.ts'
import { pool } from './pool.ts'
import { formatSize, parseSize } from './report.ts'
import { start } from './start.ts'
import { caseTables } from './tables.ts'
import { World } from './world.ts'

const CASES: readonly Case[] = [
  microCase(aead),
  microCase(pool),
  microCase(frames),
  microCase(handshake),
  loopback,
  pipe,
  memory,
  start
]

const USAGE = `usage: npm run bench -- [NAME…] [--quick] [--full] [--size 1G] [--rounds 5] [--dir DIRECTORY] [--write]
cases: ${CASES.map(({ name }) => name).join(', ')}
  --quick   small, under a minute, for CI      --full    memory up to 20 GiB, too
  --size    bytes of the file that is moved    --rounds  interleaved rounds
  --dir     where files go (default: the system's temporary directory)
  --write   put the tables into bench/README.md
`

const README = new URL('./README.md', import.meta.url)
const MARKERS = ['<!-- last run -->', '<!-- end of last run -->'] as const

interface Options {
  readonly names: readonly string[]
  readonly quick: boolean
  readonly full: boolean
  readonly size: number
  readonly rounds: number
  readonly directory: string | undefined
  readonly write: boolean
}

function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      size: { type: 'string' },
      rounds: { type: 'string' },
      dir: { type: 'string' },
      write: { type: 'boolean', default: false }
    }
  })
  const { quick, full, write, dir: directory } = values
  const size = parseSize(values.size ?? (quick ? '32M' : '1G'))
  const rounds = Number(values.rounds ?? (quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds is a whole number')
  const unknown = positionals.find(name => !CASES.some(each => each.name === name))
  if (unknown !== undefined) throw new Error(`no case ${unknown}`)
  return { names: positionals, quick, full, size, rounds, directory, write }
}

/** Where and with what the figures were taken. */
function conditions({ size, rounds }: Options): string {
  const model = cpus()[0]?.model ?? 'unknown processor'
  const memory = formatSize(totalmem())
  const commit = commandOutput('git', 'rev-parse', '--short', 'HEAD')
  const changed = commandOutput('git', 'status', '--porcelain', '--', 'src') === '' ? '' : ' with changes'
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, commit ${commit}${changed}, Node ${process.versions.node} (OpenSSL ${process.versions.openssl}), ${cpus().length} × ${model}, ${memory}; file of ${formatSize(size)}, ${rounds} interleaved rounds, medians`
}

function commandOutput(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd: new URL('.', import.meta.url), encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

/** Replaces what stands between the markers of the README. */
async function writeReadme(text: string): Promise<void> {
  const readme = await readFile(README, 'utf8')
  const [start, end] = MARKERS.map(marker => readme.indexOf(marker)) as [number, number]
  if (start < 0 || end < start) throw new Error('bench/README.md has lost its markers')
  await writeFile(README, `${readme.slice(0, start + MARKERS[0].length)}\n\n${text}\n\n${readme.slice(end)}`)
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** Runs the cases; every table appears as soon as it is there. */
async function runCases(world: World, options: Options): Promise<string> {
  const printed: string[] = []
  const print = (text: string): void => {
    progress('')
    process.stdout.write(`${text}\n\n`)
    printed.push(text)
  }
  print(conditions(options))
  for (const bench of CASES.filter(({ name }) => options.names.length === 0 || options.names.includes(name))) {
    const contenders = await bench.contenders(world)
    const rows = await measure(contenders, options.rounds, text => progress(`${bench.name}: ${text}`))
    print(caseTables(bench, rows))
  }
  return printed.join('\n\n')
}

/** Resolves with the exit code. */
async function main(options: Options): Promise<number> {
  await using world = await World.create(options)
  let interrupted = 0
  const stop = (signal: NodeJS.Signals): void => {
    interrupted = signal === 'SIGINT' ? 130 : 143
    void world.children[Symbol.asyncDispose]()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    const text = await runCases(world, options)
    if (options.write) await writeReadme(text)
    return 0
  } catch (error) {
    process.stderr.write(`bench: ${interrupted ? 'interrupted' : (error as Error).message}\n`)
    return interrupted || 1
  }
}

/** `undefined` after saying what is wrong with the command line. */
function optionsOrUsage(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n\n${USAGE}`)
    return undefined
  }
}

const options = optionsOrUsage()
process.exit(options ? await main(options) : 2)
