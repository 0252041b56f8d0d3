import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { SftError } from '../../streams/errors.ts'
import type { Guard } from './guard.ts'

/** Programs that are started for a proof: each with a deadline, and none that outlives whoever started it. */

/** What is kept of what a program says. */
const MAX_SAID = 1024 * 1024
/** ms between being asked to end and being ended. */
const STOP_MS = 20_000

export interface ProgramOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** ms until it is killed. */
  readonly deadline: number
  /** Its standard output is data, which the caller reads; default: text, which is kept. */
  readonly data?: boolean
}

export interface Ended {
  /** 128 and the number of the signal that ended it, as a shell has it. */
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

/** One program under way. */
export class Program {
  /** Rejects with the fault of the system when it can not be started, and with ERR_SFT_TIMEOUT when its deadline has passed. */
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #name: string
  #stdout = ''
  #stderr = ''
  #over = false
  #late = false
  #news = Promise.withResolvers<void>()

  constructor(line: readonly string[], { cwd, env, deadline, data = false }: ProgramOptions) {
    const [file = '', ...args] = line
    this.#name = args.find(each => !each.startsWith('/')) ?? file
    this.#child = spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    // whoever ends before it has read its input says so by its exit
    this.input.on('error', () => undefined)
    if (!data) this.#keep(this.output, text => (this.#stdout = (this.#stdout + text).slice(-MAX_SAID)))
    this.#keep(this.#child.stderr as Readable, text => (this.#stderr = (this.#stderr + text).slice(-MAX_SAID)))
    this.ended = this.#end(deadline)
    // it may be looked at later, or not at all once something else has failed
    this.ended.catch(() => undefined)
  }

  /** Also of its group; undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get input(): Writable {
    return this.#child.stdin as Writable
  }

  get output(): Readable {
    return this.#child.stdout as Readable
  }

  /**
   * Waits until something is found in what it has said.
   *
   * @throws what `ended` rejects with; SftError ERR_SFT_CONNECTION_LOST when it ends before, ERR_SFT_TIMEOUT when `within` ms have passed
   */
  async said<T>(find: (said: Pick<Ended, 'stdout' | 'stderr'>) => T | null | undefined, within: number): Promise<T> {
    const late = delay(within, undefined, { ref: false })
    for (const end = performance.now() + within; ; ) {
      const found = find({ stdout: this.#stdout, stderr: this.#stderr })
      if (found !== undefined && found !== null) return found
      if (this.#over)
        throw new SftError('ERR_SFT_CONNECTION_LOST', `${this.#name} ended early: ${lastLine(await this.ended)}`)
      if (performance.now() >= end)
        throw new SftError('ERR_SFT_TIMEOUT', `${this.#name} did not say it within ${within / 1000} s`)
      await Promise.race([this.#news.promise, late])
    }
  }

  /** Asks it to end; what does not within 20 s is ended. */
  async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGTERM'): Promise<Ended> {
    this.#child.kill(signal)
    const timer = setTimeout(() => this.kill(), STOP_MS)
    try {
      return await this.ended
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it at once, with whatever it has started. */
  kill(): void {
    const { pid } = this
    if (pid === undefined || this.#over) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  #keep(stream: Readable, take: (text: string) => void): void {
    stream.setEncoding('utf8').on('data', (text: string) => {
      take(text)
      this.#tell()
    })
  }

  #tell(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }

  async #end(deadline: number): Promise<Ended> {
    const timer = setTimeout(() => {
      this.#late = true
      this.kill()
    }, deadline)
    try {
      const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null]
      if (this.#late) throw new SftError('ERR_SFT_TIMEOUT', `${this.#name} did not end within ${deadline / 1000} s`)
      const exit = code ?? 128 + (signal ? constants.signals[signal] : 0)
      return { exit, stdout: this.#stdout, stderr: this.#stderr }
    } finally {
      clearTimeout(timer)
      this.#over = true
      this.#tell()
    }
  }
}

/** The last thing that a program said. */
export function lastLine({ stderr, stdout }: Pick<Ended, 'stderr' | 'stdout'>): string {
  const lines = (stderr.trim() || stdout.trim()).split('\n')
  return lines.at(-1) ?? ''
}

/** All programs of one proof. Once it is disposed of, or its process ends, there is none left. */
export class Programs implements AsyncDisposable {
  readonly #running = new Set<Program>()
  readonly #atExit = (): void => this.#killAll()
  readonly #signal: AbortSignal | undefined
  readonly #guard: Guard | undefined

  /**
   * @param signal ends them all
   * @param guard ends them where this process was killed; it is the caller's
   */
  constructor(signal?: AbortSignal, guard?: Guard) {
    this.#signal = signal
    this.#guard = guard
    signal?.addEventListener('abort', this.#atExit)
    process.on('exit', this.#atExit)
  }

  start(line: readonly string[], options: ProgramOptions): Program {
    this.#signal?.throwIfAborted()
    const program = new Program(line, options)
    this.#running.add(program)
    const { pid } = program
    if (pid !== undefined) this.#guard?.begun(pid)
    const forget = (): void => {
      this.#running.delete(program)
      if (pid !== undefined) this.#guard?.ended(pid)
    }
    program.ended.then(forget, forget)
    return program
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll()
    await Promise.allSettled([...this.#running].map(({ ended }) => ended))
    this.#signal?.removeEventListener('abort', this.#atExit)
    process.off('exit', this.#atExit)
  }

  #killAll(): void {
    for (const program of this.#running) program.kill()
  }
}
