import { type ChildProcess, spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, type Place, readIfThere, readUsage, shellStdio, shellText, type Usage } from './shell.ts'

/** Child processes of the benches and the demo: each with a deadline, its resource usage, and an end by its own process id. */

export type { Command, Usage }

export interface ChildOptions {
  /** Milliseconds; the commands are killed after it. Default: two minutes. */
  deadline?: number
}

const DEADLINE_MS = 120_000
const STOP_MS = 20_000
const MAX_STDERR = 64 * 1024
/** Pieces of what a command says that are read as they come; a server that goes on talking is read in batches, so that we take no processor from it. */
const PROMPT_PIECES = 8
const BATCH_MS = 20

/** One command, or a pipeline of several, under way. */
export class Child {
  /** What each command used, once all have ended well. */
  readonly ended: Promise<readonly Usage[]>
  readonly #shell: ChildProcess
  readonly #places: readonly Place[]
  /** What each command said. */
  readonly #stderr: string[]
  #over = false
  #stopping = false
  #killed: string | undefined
  #onStderr = (): void => {}

  constructor(places: readonly Place[], env: Readonly<Record<string, string>>, deadline: number) {
    this.#places = places
    this.#stderr = places.map(() => '')
    this.#shell = spawn('bash', ['-c', shellText(places)], { env, stdio: shellStdio(places.length) })
    for (const index of places.keys()) this.#listen(index)
    const timer = setTimeout(() => void this.kill(`took longer than ${deadline / 1000} s`), deadline)
    this.ended = new Promise<readonly Usage[]>((resolve, reject) => {
      this.#shell.on('error', reject)
      this.#shell.on('close', () => {
        clearTimeout(timer)
        this.#over = true
        this.#onStderr()
        const problem = this.#problem()
        if (problem === undefined) resolve(places.map((place, index) => readUsage(place, this.#stderr[index] ?? '')))
        else reject(new Error(problem))
      })
    })
    // whoever starts a child may look at its end later, or not at all once something else has failed
    this.ended.catch(() => undefined)
  }

  /** Waits until standard error holds a text. */
  async ready(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stderr.join('\n'))
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

  /** Behind the three standard streams of the shell comes one for each command's standard error. */
  #listen(index: number): void {
    const stream = this.#shell.stdio[3 + index] as Readable
    let pieces = 0
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (++pieces > PROMPT_PIECES) {
        stream.pause()
        setTimeout(() => stream.resume(), BATCH_MS)
      }
      this.#stderr[index] = (this.#stderr[index] + text).slice(-MAX_STDERR)
      this.#onStderr()
    })
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
    // when one side of a pipeline fails the other one does so for want of it: both say why
    const failed = this.#places.flatMap(({ command, exit }, index) => {
      const code = readIfThere(exit)?.trim() ?? 'no code'
      const said = this.#stderr[index]?.trim().split('\n').slice(-3).join(' / ')
      return code === '0' ? [] : [`${command.argv.join(' ')}: exit ${code}: ${said}`]
    })
    return failed.length === 0 ? undefined : failed.join('; ')
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
    return { command, pid: `${path}.pid`, exit: `${path}.exit`, cpu: `${path}.cpu`, peak: `${path}.peak` }
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
