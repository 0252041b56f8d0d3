import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { readFile as pieces } from '../../streams/read-file.ts'
import { openOutput } from '../../transfer/output.ts'
import { readCapture } from '../capture/read.ts'
import { dissect } from '../dissect/dissect.ts'
import { withRun } from '../judge/judge.ts'
import type { Verdict } from '../model.ts'
import { startCapture } from './capturing.ts'
import { Commands, type Step } from './commands.ts'
import { forwardSecrecy } from './forward-secrecy.ts'
import { Guard } from './guard.ts'
import { Judging } from './judging.ts'
import { knownFile, knownOf } from './known-file.ts'
import { chance, inventPeople, keyFiles, type People, serveAuthority, textsOf } from './organisation.ts'
import { freePorts } from './ports.ts'
import { Programs } from './programs.ts'
import { replay } from './replay.ts'
import { play, prepare, type Scenario } from './scenario.ts'
import type { StolenKey } from './stolen-keys.ts'
import { Temporary } from './temporary.ts'

/**
 * The proof of what goes over the wire (SPEC §15): captures an auth server, logins, a get, a send and a pipe, all of them commands of their own, judges the capture, and attacks
 * what was recorded.
 */

const DEFAULT_SIZE = 4 * 2 ** 20
const MIN_SIZE = 64 * 2 ** 10
const MAX_SIZE = 64 * 2 ** 20
/** ms that the capture may take: the program that takes it ends itself then. */
const CAPTURE_MS = 600_000
const LOOPBACK_DEVICE = process.platform === 'linux' ? 'lo' : 'lo0'
/** Of the file: a get, a send, a pipe, and what is around it. */
const PASSES = 3.5
/** Of the auth server, serve, recv, the pipe, and our own datagrams. */
const PORTS = 5

export interface ProofRunOptions {
  /** Bytes of the file that is moved, 64 KiB to 64 MiB (default: 4 MiB). */
  readonly size?: number | undefined
  /** Name of the loopback interface (default: `lo`, on Linux). */
  readonly device?: string | undefined
  /** Where the capture is kept. */
  readonly keep?: string | undefined
  /** Something may be there, and is replaced. */
  readonly force?: boolean | undefined
  /** Who makes it, for the report (default: `sft`). */
  readonly by?: string | undefined
  /** Ends it: no process and no file of it is left. */
  readonly signal?: AbortSignal | undefined
  /** Hears of each command at its end. */
  readonly onStep?: ((step: Step) => void) | undefined
  /** Hears in words what is done between them. */
  readonly onNote?: ((text: string) => void) | undefined
}

/**
 * @throws SftError ERR_SFT_CAPTURE where nothing can be captured, ERR_SFT_PROOF when a command does not end as it must, ERR_SFT_USAGE, ERR_SFT_EXISTS. What is wrong with what
 * was captured is no error: the verdict says it.
 */
export async function proveRun(options: ProofRunOptions = {}): Promise<Verdict> {
  const { size = DEFAULT_SIZE, keep, force, signal } = options
  if (!Number.isInteger(size) || size < MIN_SIZE || size > MAX_SIZE)
    throw new SftError('ERR_SFT_USAGE', 'a proof moves 64 KiB to 64 MiB')
  const kept = keep === undefined ? undefined : await openOutput(keep, { force, signal })
  await using temporary = await Temporary.make()
  await using guard = new Guard(temporary.path)
  await using programs = new Programs(signal, guard)
  const [auth = 0, serve = 0, recv = 0, pipe = 0, probe = 0] = await freePorts(PORTS)
  const people = inventPeople()
  const file = knownFile(`ledger-${chance()}.txt`, size, [people.sender.name, people.receiver.name])
  const commands = new Commands(programs, temporary.path, size, options.onStep)
  const scenario: Scenario = { commands, people, file, ports: { auth, serve, recv, pipe }, signal }
  const { path, tool } = await captured(programs, scenario, probe, options)
  await kept?.sink({ created: Date.now() })(pieces(path))
  const name = basename(keep ?? path)
  options.onNote?.('the capture is complete; it is judged, and attacked meanwhile')
  return await verdictOf(scenario, path, { name, by: `${options.by ?? 'sft'}, captured with ${tool}` })
}

/** Runs what is captured. */
async function captured(
  programs: Programs,
  scenario: Scenario,
  probe: number,
  { device = LOOPBACK_DEVICE, signal, onNote }: ProofRunOptions
): Promise<{ path: string; tool: string }> {
  const { commands, file, ports } = scenario
  const env = commands.environment('administrator')
  const where = { directory: commands.directory, device, ports: Object.values(ports), probe, env }
  const bytes = PASSES * file.bytes.byteLength
  using capturing = await startCapture(programs, { ...where, bytes, deadline: CAPTURE_MS, signal })
  onNote?.(`${capturing.by} captures on ${device}`)
  await prepare(scenario)
  const server = await serveAuthority(commands, ports.auth)
  await play(scenario)
  await server.stop()
  await capturing.stop()
  return { path: capturing.path, tool: capturing.by }
}

/** Judges the capture, and attacks meanwhile: the claims of the judge, and those that take more than a capture. */
async function verdictOf(scenario: Scenario, path: string, about: { name: string; by: string }): Promise<Verdict> {
  const { commands, people, file, ports, signal } = scenario
  await using judging = new Judging({ path, options: { ...about, ...knownOf(file, textsOf(people)) } })
  const connections = dissect(await readCapture(path))
  const secrecy = await forwardSecrecy(connections, await stolenKeys(commands.directory, people), file.bytes, signal)
  const server = await serveAuthority(commands, ports.auth)
  const replayed = await replay(scenario, connections)
  await server.stop()
  const verdict = withRun(await orAborted(judging.verdict, signal), [secrecy, replayed], commands.steps)
  // here the judge has all that it takes: what it could not say has not been shown
  return { ...verdict, holds: verdict.holds && verdict.unjudged === 0 }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  signal.throwIfAborted()
  const stopped = Promise.withResolvers<never>()
  const stop = (): void => stopped.reject(signal.reason)
  signal.addEventListener('abort', stop)
  try {
    return await Promise.race([work, stopped.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function stolenKeys(directory: string, people: People): Promise<StolenKey[]> {
  const keys = keyFiles(people).map(async ({ owner, path }) => {
    return { owner, key: createPrivateKey(await readFile(join(directory, path))) }
  })
  return Promise.all(keys)
}
