import type { Command } from 'commander'
import type { AuditLog, Engine, Existing } from '../../index.ts'
import { type AuditFlags, withAudit, withAuditLog } from '../audited.ts'
import { type ExistingFlags, existingOf, withExisting } from '../existing.ts'
import { DRAIN_MS, drainTime, Interrupted, interruptible, interruption } from '../interrupt.ts'
import { sayEvent } from '../listener-news.ts'
import { collect, type EngineFlags, openEngine, withAnnounce, withEngine, withPassword } from '../options.ts'
import { type PolicyFlags, policyOf, sendersOf, withPolicy } from '../policy.ts'
import type { Background, BackgroundFlags } from '../shell/background.ts'
import type { Console } from '../shell/console.ts'
import type { Left } from '../shell/dialogue.ts'
import type { SignInFlags } from '../shell/sign-in.ts'
import { withStats } from '../stats.ts'
import { isTerminal, newsTo, say } from '../terminal.ts'

interface ShellFlags extends EngineFlags, SignInFlags, BackgroundFlags, AuditFlags, ExistingFlags, PolicyFlags {
  output?: string
  from?: string[]
  hardlinks?: boolean
  /** False with `--no-input`. */
  input: boolean
}

/** ms that whoever leaves waits before it is said for what. */
const PATIENCE_MS = 500

/** `sft shell`: the interactive terminal of the classic system. */
export function registerShell(program: Command): void {
  const common = withExisting(withPassword(withEngine(program.command('shell'))))
  withAudit(withPolicy(withAnnounce(common)))
    .description('log in, answer peers in the background, and request files at a prompt')
    .argument('[alias]', 'your user name (default: whose certificate is here, or what you answer)')
    .option('--auth <url>', 'address of the auth server, https://HOST:PORT, where there is no certificate yet')
    .option('--ca <file>', "the organisation's root certificate")
    .option('--ca-fingerprint <hex>', 'SHA-256 of it, to fetch it from the server')
    .option('--login', 'ask for the password even if there is a certificate that is good')
    .option('--no-passphrase', 'store a new key in the clear')
    .option('--listen <host:port>', 'address to listen on (default: the port is asked for)')
    .option('--serve <dir>', 'let members get the regular files below it (default: it is asked for)')
    .option('--no-serve', 'serve nothing')
    .option('--hardlinks', 'serve files that have another name somewhere, too')
    .option('-o, --output <dir>', 'directory that takes what peers send (default: no file is taken)')
    .option(
      '--from <name>',
      'take files and messages from this sender only; repeat for more (default: messages of every member, files of you alone)',
      collect
    )
    .addHelpText(
      'after',
      '\nAt the prompt, t requests a file, and help says what else there is.\n\nExamples:\n  $ sft shell alice --auth https://auth:12565 --ca root.crt\n  $ sft shell --listen :12566 --serve ~/shared -o inbox --from bob'
    )
    .action(shell)
}

async function shell(alias: string | undefined, options: ShellFlags): Promise<void> {
  await requireTerminal(options)
  const { signIn } = await import('../shell/sign-in.ts')
  await using engine = await openEngine(options, true, await signIn(alias, options))
  await withStats(engine, options, 'socket', () =>
    withAuditLog(options, audit => interruptible(signal => run(engine, options, { audit, signal })))
  )
}

/** One that can move its cursor: news are written above what is being typed. */
async function requireTerminal({ input }: ShellFlags): Promise<void> {
  if (input && isTerminal(0) && isTerminal(1) && process.env.TERM !== 'dumb') return
  const { SftError } = await import('../../index.ts')
  const hint = 'sft get, sft send, sft serve and sft recv --listen ask nothing'
  throw new SftError('ERR_SFT_USAGE', 'sft shell is for somebody at a terminal', { hint })
}

interface Shelling {
  readonly audit: AuditLog | undefined
  readonly signal: AbortSignal
}

async function run(engine: Engine, options: ShellFlags, { audit, signal }: Shelling): Promise<void> {
  const { Console } = await import('../shell/console.ts')
  const console = new Console(process.stdin, process.stdout, signal)
  const restore = newsTo(line => void console.above(line))
  let background: Background | undefined
  let left: Left
  try {
    background = await answer(engine, console, options, audit)
    left = background ? await talk(engine, console, await existingOf(options)) : 'ended'
  } catch (error) {
    await background?.close(0)
    throw error
  } finally {
    console[Symbol.dispose]()
    restore()
  }
  await leave(background, left === 'interrupted' ? new Interrupted('SIGINT') : undefined, signal)
}

async function answer(
  engine: Engine,
  console: Console,
  options: ShellFlags,
  audit: AuditLog | undefined
): Promise<Background | undefined> {
  const { answerPeers, printMessages } = await import('../shell/background.ts')
  const policy = await policyOf(options)
  return answerPeers(engine, console, options, {
    hardLinks: options.hardlinks ?? false,
    inbox: options.output,
    existing: await existingOf(options),
    from: sendersOf(options.from, policy, engine),
    messagesFrom: options.from ?? 'members',
    onMessage: printMessages(console),
    policy,
    audit,
    onEvent: sayEvent
  })
}

async function talk(engine: Engine, console: Console, existing: Existing): Promise<Left> {
  const { dataDirectory } = await import('../../index.ts')
  const { converse } = await import('../shell/dialogue.ts')
  const { History } = await import('../shell/history.ts')
  const { Neighbours } = await import('../shell/neighbours.ts')
  const history = await History.open(dataDirectory(process.env))
  const left = await converse({ engine, console, neighbours: new Neighbours(engine), existing }, history)
  await history.written()
  return left
}

/** What peers have under way finishes after `quit` as after SIGTERM; Ctrl-C ends it. @throws the interruption */
async function leave(
  background: Background | undefined,
  left: Interrupted | undefined,
  signal: AbortSignal
): Promise<void> {
  const reason = left ?? (signal.aborted ? (signal.reason as Interrupted) : undefined)
  const closing = background?.close(reason ? drainTime(reason) : DRAIN_MS)
  if (reason) {
    await closing
    throw reason
  }
  const patience = setTimeout(() => say('peers have transfers under way; Ctrl-C ends them'), PATIENCE_MS)
  const stopped = await Promise.race([closing, interruption(signal)]).finally(() => clearTimeout(patience))
  if (!stopped) return
  await background?.close(0)
  throw stopped
}
