import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What a shell has to do to run one command of a bench: say its process id, its exit code and what it used. */

export interface Command {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Paths; nothing otherwise. The commands of a pipeline are joined by a pipe of the kernel, as a shell's are. */
  readonly stdin?: string
  readonly stdout?: string
}

/** What one command used, in CPU seconds (user and system) and MiB at its peak, `undefined` where nothing here can tell; and what it said. */
export interface Usage {
  readonly cpu: number | undefined
  readonly memory: number | undefined
  readonly stderr: string
}

/** A command, and the files of notes about it. */
export interface Place {
  readonly command: Command
  readonly pid: string
  readonly exit: string
  readonly cpu: string
  readonly peak: string
}

const GNU_TIME = '/usr/bin/time'
/** The first descriptor for what the commands say: one each, so that the sides of a pipeline can be told apart. */
const FIRST_STDERR = 3

/** GNU time knows the peak of any program; without it, Node programs look themselves. */
const hasTime = spawnSync(GNU_TIME, ['-q', '-f', '%M', 'true'], { stdio: 'ignore' }).status === 0

/** Standard streams of the shell that runs `count` commands. */
export function shellStdio(count: number): ('ignore' | 'pipe')[] {
  return ['ignore', 'ignore', 'ignore', ...Array.from({ length: count }, () => 'pipe' as const)]
}

/**
 * The text for `bash`, whose `time` knows CPU time by the millisecond (GNU time by the hundredth of a second, too coarse for a small file). An
 * inner shell writes its own id and becomes the command, so that the command itself can be signalled, not what counts for it.
 */
export function shellText(places: readonly Place[]): string {
  const closed = places.map((_, index) => `${FIRST_STDERR + index}>&-`).join(' ')
  return places.map((place, index) => oneText(place, `2>&${FIRST_STDERR + index} ${closed}`)).join(' | ')
}

function oneText({ command, pid, exit, cpu, peak }: Place, stderr: string): string {
  const { argv, env = {}, stdin, stdout } = command
  const looking: Record<string, string> = hasTime
    ? {}
    : { SFT_PEAK_FILE: peak, NODE_OPTIONS: `--import=${new URL('./usage.ts', import.meta.url).href}` }
  const words = [
    'time',
    ...Object.entries({ ...env, ...looking }).map(([name, value]) => `${name}=${quote(value)}`),
    ...(hasTime ? [GNU_TIME, '-q', '-o', quote(peak), '-f', '%M'] : []),
    ...['sh', '-c', quote('echo $$ > "$0"; exec "$@"'), quote(pid), ...argv.map(quote)],
    ...(stdin === undefined ? [] : ['<', quote(stdin)]),
    ...(stdout === undefined ? [] : ['>', quote(stdout)])
  ]
  return `{ TIMEFORMAT='%3U %3S'; ${words.join(' ')} ${stderr}; echo $? > ${quote(exit)}; } 2> ${quote(cpu)}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

export function readUsage({ cpu, peak }: Place, stderr: string): Usage {
  const [user, system] = lastLine(cpu)
  const [kib] = lastLine(peak)
  return {
    cpu: user === undefined || system === undefined ? undefined : user + system,
    memory: kib === undefined ? undefined : kib / 1024,
    stderr
  }
}

/** The figures in the last line of a note; above it a shell may say that something was killed. */
function lastLine(path: string): readonly number[] {
  const text = readIfThere(path)?.trim().split('\n').at(-1)
  return text ? text.split(' ').map(Number) : []
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
