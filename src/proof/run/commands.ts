import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SftError } from '../../streams/errors.ts'
import { type Ended, lastLine, type Program, type Programs } from './programs.ts'

/** The commands of a proof, as their users would type them: each a process of its own, in the directory of the proof, and noted with its exit. */

/** The sources have it at the same distance as the package. */
const LAUNCHER = fileURLToPath(new URL('../../../src/bin/sft.js', import.meta.url))
/** ms for a command that moves nothing large. */
const DEADLINE = 60_000
/** ms until a listener listens, and until it has refused. */
const LISTENING_MS = 30_000
const REFUSAL_MS = 15_000

export interface Step {
  readonly command: string
  readonly exit: number
  readonly expected: number
}

export class Commands {
  readonly directory: string
  /** What was done, in the order of its end. */
  readonly steps: Step[] = []
  readonly #programs: Programs
  readonly #deadline: number
  readonly #told: (step: Step) => void

  /**
   * @param bytes size of what is moved: a command may take longer for more
   * @param told hears of each step at its end
   */
  constructor(programs: Programs, directory: string, bytes: number, told: (step: Step) => void = () => undefined) {
    this.#programs = programs
    this.directory = directory
    this.#deadline = DEADLINE + bytes / 1000
    this.#told = told
  }

  /** Who a command is run by: no identity and no option of the caller's is seen. */
  environment(user: string): Record<string, string> {
    const home = join(this.directory, 'home', user)
    const { PATH = '', XDG_CACHE_HOME = join(homedir(), '.cache'), SFT_NATIVE } = process.env
    return {
      // tcpdump is there with some systems
      PATH: [dirname(process.execPath), PATH, '/usr/sbin', '/sbin'].join(delimiter),
      HOME: home,
      LANG: 'C.UTF-8',
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_STATE_HOME: join(home, 'state'),
      // compiled code, as of any other start
      XDG_CACHE_HOME,
      ...(SFT_NATIVE !== undefined && { SFT_NATIVE })
    }
  }

  /** Starts `sft ...args`; `note` is for its end. */
  start(user: string, args: readonly string[], { data = false }: { data?: boolean } = {}): Program {
    return this.#programs.start([process.execPath, LAUNCHER, ...args], {
      cwd: this.directory,
      env: this.environment(user),
      deadline: this.#deadline,
      data
    })
  }

  /** Runs `sft ...args` to its end. @throws SftError ERR_SFT_PROOF when it fails. */
  async run(user: string, args: readonly string[]): Promise<Ended> {
    const program = this.start(user, args)
    program.input.end()
    return this.require(args, await program.ended)
  }

  /** Runs `sft ...args` to its end, whatever that is; one of `exits` is expected. */
  async attempt(user: string, args: readonly string[], exits: readonly number[], input?: Uint8Array): Promise<Ended> {
    const program = this.start(user, args)
    program.input.end(input)
    const ended = await program.ended
    return this.note(args, ended, exits.find(exit => exit === ended.exit) ?? exits[0])
  }

  /** Starts a listener and waits until it listens. */
  async listen(user: string, args: readonly string[]): Promise<Listening> {
    const program = this.start(user, args)
    program.input.end()
    const port = await program.said(({ stderr }) => /listening on \S+:(\d+)\n/.exec(stderr)?.[1], LISTENING_MS)
    return new Listening(this, program, args, Number(port))
  }

  /** Notes how a command has ended. */
  note(args: readonly string[], ended: Ended, expected = 0): Ended {
    const step = { command: ['sft', ...args].join(' '), exit: ended.exit, expected }
    this.steps.push(step)
    this.#told(step)
    return ended
  }

  /** The same of a command that must not fail. @throws SftError ERR_SFT_PROOF. */
  require(args: readonly string[], ended: Ended, expected = 0): Ended {
    this.note(args, ended, expected)
    if (ended.exit === expected) return ended
    const what = `${['sft', ...args].join(' ')}: exit ${ended.exit}`
    throw new SftError('ERR_SFT_PROOF', `${what}, not ${expected}: ${lastLine(ended)}`)
  }
}

/** What a command that listens ends with when it is stopped. */
const STOPPED = 143

/** A command that listens. */
export class Listening {
  readonly program: Program
  readonly port: number
  readonly #commands: Commands
  readonly #args: readonly string[]
  #refused = 0

  constructor(commands: Commands, program: Program, args: readonly string[], port: number) {
    this.program = program
    this.port = port
    this.#commands = commands
    this.#args = args
  }

  /** The code with which it refused what came next, if it was started with --json; undefined when it refuses nothing within its time. */
  async refusal(): Promise<string | undefined> {
    const index = this.#refused++
    try {
      return await this.program.said(({ stdout }) => errorsIn(stdout)[index], REFUSAL_MS)
    } catch (error) {
      if (SftError.is(error) && error.code === 'ERR_SFT_TIMEOUT') return undefined
      throw error
    }
  }

  /** Ends it, and has it noted. */
  async stop(): Promise<Ended> {
    return this.#commands.require(this.#args, await this.program.stop(), STOPPED)
  }
}

/** The codes of the errors that JSON lines tell of (SPEC §8.9). */
function errorsIn(lines: string): string[] {
  return jsonLines(lines).flatMap(({ type, error }) => (type === 'error' && error ? [error.code] : []))
}

/** The last JSON line of a command: how it ended. */
export function resultIn({ stdout }: Ended): JsonLine | undefined {
  return jsonLines(stdout).findLast(({ type }) => type === 'result')
}

interface JsonLine {
  readonly type: string
  readonly error?: { readonly code: string }
  readonly transfers?: number
}

/** Those that are whole. */
function jsonLines(lines: string): JsonLine[] {
  return lines
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as JsonLine)
}
