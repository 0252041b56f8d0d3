import { parseArgs } from 'node:util'
import { aead } from './aead.ts'
import { classic } from './classic.ts'
import { delay } from './delay.ts'
import { directories } from './directories.ts'
import { exitCode } from './exit-code.ts'
import { frames } from './frame.ts'
import { handshake } from './handshake.ts'
import { conditions, writeLastRun } from './last-run.ts'
import { latency } from './latency.ts'
import { login } from './login.ts'
import { loopback } from './loopback.ts'
import { machine } from './machine.ts'
import { type Case, measure } from './measure.ts'
import { memory } from './memory.ts'
import { microCase } from './micro.ts'
import { calibrate, noiseText } from './noise.ts'
import { pipe } from './pipe.ts'
import { placement } from './placement.ts'
import { writePlot } from './plot.ts'
import { pool } from './pool.ts'
import { parseSize } from './report.ts'
import { sessions } from './sessions.ts'
import { sizes } from './sizes.ts'
import { start } from './start.ts'
import { strict } from './strict.ts'
import { caseTables } from './tables.ts'
import { World } from './world.ts'

const CASES: readonly Case[] = [
  microCase(machine),
  microCase(aead),
  microCase(pool),
  microCase(strict),
  microCase(frames),
  microCase(handshake),
  loopback,
  pipe,
  sizes,
  placement,
  memory,
  start,
  directories,
  latency,
  sessions,
  login,
  classic,
  delay
]

const USAGE = `usage: npm run bench -- [NAME…] [--quick] [--full] [--size 1G] [--rounds 5] [--dir DIRECTORY] [--write]
cases: ${CASES.map(({ name }) => name).join(', ')}
  --quick   small, under a minute, for CI      --full    memory and sizes up to 20 GiB
  --size    bytes of the file that is moved    --rounds  interleaved rounds
  --dir     where files go (default: the system's temporary directory)
  --write   put the tables into bench/README.md and draw bench/throughput.svg
`

/** Contenders that run beside each other where figures do not matter: many of them wait, for a start or for a disk. */
const QUICK_AT_ONCE = 2

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
  const size = parseSize(values.size ?? (quick ? '8M' : '1G'))
  const rounds = Number(values.rounds ?? (quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds is a whole number')
  const unknown = positionals.find(name => !CASES.some(each => each.name === name))
  if (unknown !== undefined) throw new Error(`no case ${unknown}`)
  return { names: positionals, quick, full, size, rounds, directory, write }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** Runs the cases; every table appears as soon as it is there. */
async function runCases(world: World, { names, size, rounds, write }: Options): Promise<void> {
  const sections = new Map<string, string>()
  let before = await calibrate(world)
  for (const bench of CASES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const taken = conditions(size, rounds)
    const contenders = await bench.contenders(world)
    const atOnce = world.options.quick ? QUICK_AT_ONCE : 1
    const measured = await measure(contenders, rounds, text => progress(`${bench.name}: ${text}`), atOnce)
    const rows = bench.derive?.(measured) ?? measured
    const after = world.options.quick ? before : await calibrate(world)
    progress('')
    const quiet = noiseText(before, after)
    before = after
    const section = `### ${bench.title} (\`${bench.name}\`)\n\n${taken}, ${quiet}\n\n${caseTables(bench, rows, world.options)}`
    process.stdout.write(`${section}\n\n`)
    sections.set(bench.name, section)
  }
  const order = CASES.map(({ name }) => name)
  if (!write) return
  await writeLastRun(sections, order)
  await writePlot()
}

/** Resolves with the exit code. */
async function main(options: Options): Promise<number> {
  await using world = await World.create(options)
  return await exitCode('bench', world.children, () => runCases(world, options))
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
