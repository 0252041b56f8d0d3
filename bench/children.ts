import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Child processes of the benches and the demo: each with a deadline, its resource usage, and an end by its own process id. */

export interface Command {
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Paths; nothing otherwise. The commands of a pipeline are joined by a pipe of the kernel, as a shell's are. */
  readonly stdin?: string
  readonly stdout?: string
}

/** What one command used, in CPU seconds (user and system) and MiB at its peak; `undefined` where nothing here can tell. */
export interface Usage {
  readonly cpu: number | undefined
  readonly memory: number | undefined
}

interface Place {
  readonly command: Command
  readonly pid: string
  readonly exit: string
  readonly usage: string
}

export interface ChildOptions {
  /** Milliseconds; the commands are killed after it. Default: two minutes. */
  deadline?: number
}

const DEADLINE_MS = 120_000
const STOP_MS = 20_000
const GNU_TIME = '/usr/bin/time'
const MAX_STDERR = 64 * 1024

/** GNU time counts any program, and all that it waits for; without it, Node programs count themselves. */
const hasTime = spawnSync(GNU_TIME, ['-q', '-f', '%M', 'true'], { stdio: 'ignore' }).status === 0

/** One command, or a pipeline of several, under way. */
export class Child {
  /** What each command used, once all have ended well. */
  readonly ended: Promise<readonly Usage[]>
  readonly #shell: ChildProcess
  readonly #places: readonly Place[]
  #stderr = ''
  #over = false
  #stopping = false
  #killed: string | undefined
  #onStderr = (): void => {}

  constructor(places: readonly Place[], env: Readonly<Record<string, string>>, deadline: number) {
    this.#places = places
    this.#shell = spawn('sh', ['-c', places.map(shellText).join(' | ')], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    this.#shell.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR)
      this.#onStderr()
    })
    const timer = setTimeout(() => void this.kill(`took longer than ${deadline / 1000} s`), deadline)
    this.ended = new Promise<readonly Usage[]>((resolve, reject) => {
      this.#shell.on('error', reject)
      this.#shell.on('close', () => {
        clearTimeout(timer)
        this.#over = true
        this.#onStderr()
        const problem = this.#problem()
        if (problem === undefined) resolve(places.map(readUsage))
        else reject(new Error(problem))
      })
    })
    // whoever starts a child may look at its end later, or not at all once something else has failed
    this.ended.catch(() => undefined)
  }

  /** Waits until standard error holds a text. */
  async ready(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stderr)
      if (found) return found
      if (this.#over) {
        await this.ended
        throw new Error(`${this.#name()} ended before it was ready`)
      }
      await new Promise<void>(resolve => {
        this.#onStderr = resolve
      })
    }
  }

  /** Ends a server in order; resolves with what it used. */
  async stop(): Promise<readonly Usage[]> {
    this.#stopping = true
    this.#signal('SIGTERM')
    const timer = setTimeout(() => void this.kill('did not stop'), STOP_MS)
    try {
      return await this.ended
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends everything at once, whatever state it is in. */
  async kill(reason: string): Promise<void> {
    this.#killed ??= reason
    while (!this.#over) {
      this.#signal('SIGKILL')
      await delay(20)
    }
  }

  #signal(signal: NodeJS.Signals): void {
    for (const { pid } of this.#places) {
      const id = Number(readIfThere(pid))
      if (!(id > 1) || this.#over) continue
      try {
        process.kill(id, signal)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }

  #problem(): string | undefined {
    if (this.#killed !== undefined) return `${this.#name()} ${this.#killed}`
    if (this.#stopping) return undefined
    const failed = this.#places.find(({ exit }) => readIfThere(exit)?.trim() !== '0')
    if (!failed) return undefined
    const code = readIfThere(failed.exit)?.trim() ?? 'no code'
    return `${failed.command.argv.join(' ')}: exit ${code}: ${this.#stderr.trim().split('\n').slice(-3).join(' / ')}`
  }

  #name(): string {
    return this.#places.map(({ command }) => command.argv.join(' ')).join(' | ')
  }
}

/** Starts children in an environment of their own (no identity, no option of the caller's), and ends all that are left. */
export class Children implements AsyncDisposable {
  readonly #directory: string
  readonly #running = new Set<Child>()
  #count = 0
  #closed = false

  /** @param directory where notes about the children go, and their home */
  constructor(directory: string) {
    this.#directory = directory
  }

  start(commands: Command | readonly Command[], { deadline = DEADLINE_MS }: ChildOptions = {}): Child {
    if (this.#closed) throw new Error('interrupted')
    const list = 'argv' in commands ? [commands] : commands
    const child = new Child(
      list.map(command => this.#place(command)),
      this.#environment(),
      deadline
    )
    this.#running.add(child)
    const forget = (): void => void this.#running.delete(child)
    child.ended.then(forget, forget)
    return child
  }

  /** Runs a command, or a pipeline, to its end. */
  run(commands: Command | readonly Command[], options: ChildOptions = {}): Promise<readonly Usage[]> {
    return this.start(commands, options).ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#running].map(child => child.kill('was interrupted')))
  }

  #place(command: Command): Place {
    const path = join(this.#directory, `child-${this.#count++}`)
    return { command, pid: `${path}.pid`, exit: `${path}.exit`, usage: `${path}.usage` }
  }

  #environment(): Record<string, string> {
    const home = this.#directory
    // the directories of system programs: sshd and nginx are not in everybody's path
    const path = [dirname(process.execPath), process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter)
    return {
      PATH: path,
      HOME: home,
      LANG: 'C.UTF-8',
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_STATE_HOME: join(home, 'state'),
      XDG_CACHE_HOME: join(home, 'cache')
    }
  }
}

/** `sh` writes its own id and becomes the command, so that the command itself can be signalled, not what counts for it. */
function shellText({ command, pid, exit, usage }: Place): string {
  const { argv, env = {}, stdin, stdout } = command
  const counting: Record<string, string> = hasTime
    ? {}
    : { SFT_USAGE_FILE: usage, NODE_OPTIONS: `--import=${new URL('./usage.ts', import.meta.url).href}` }
  const words = [
    ...Object.entries({ ...env, ...counting }).map(([name, value]) => `${name}=${quote(value)}`),
    ...(hasTime ? [GNU_TIME, '-q', '-o', quote(usage), '-f', quote('%U %S %M')] : []),
    ...['sh', '-c', quote('echo $$ > "$0"; exec "$@"'), quote(pid), ...argv.map(quote)],
    ...(stdin === undefined ? [] : ['<', quote(stdin)]),
    ...(stdout === undefined ? [] : ['>', quote(stdout)])
  ]
  return `{ ${words.join(' ')}; echo $? > ${quote(exit)}; }`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function readUsage({ usage }: Place): Usage {
  const [user, system, peak] = (readIfThere(usage) ?? '').trim().split(' ').map(Number)
  if (user === undefined || system === undefined || peak === undefined) return { cpu: undefined, memory: undefined }
  return { cpu: user + system, memory: peak / 1024 }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
