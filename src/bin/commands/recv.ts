import type { Command } from 'commander'
import type { AuditLog, Engine, Offer, TransferEvent, TransferResult } from '../../index.ts'
import { type AuditFlags, withAudit, withAuditLog } from '../audited.ts'
import { sayRestart } from '../continuing.ts'
import { type AnnounceFlags, announcer } from '../directory.ts'
import { type DryRunFlags, withDryRun } from '../dry-run.ts'
import { type ExistingFlags, existingOf, withExisting } from '../existing.ts'
import { fromPipe } from '../from-pipe.ts'
import { drainTime, interruptible, interruption } from '../interrupt.ts'
import { requireFreeOutput, withJson } from '../json-flags.ts'
import { sayEvent } from '../listener-news.ts'
import { messagePrinter } from '../messages.ts'
import {
  collect,
  type EngineFlags,
  openEngine,
  parseSize,
  refuseTerminal,
  sayListening,
  type TimeoutFlags,
  withAnnounce,
  withEngine,
  withTimeout
} from '../options.ts'
import { pointsToDirectory } from '../points-to-directory.ts'
import { type PolicyFlags, policyOf, sendersOf, withPolicy } from '../policy.ts'
import { type ProgressFlags, withProgress } from '../progress.ts'
import { reader } from '../reader.ts'
import { given, type Rule, requireSense } from '../sense.ts'
import { withStats } from '../stats.ts'
import { type ResumeFlags, sayTransfer, withResume } from '../transfers.ts'
import { requireWhole } from '../trees.ts'
import { withUnderWay } from '../under-way.ts'

interface Listening {
  readonly audit: AuditLog | undefined
  /** Has what is under way shown. */
  readonly follow: (event: TransferEvent) => void
  readonly signal: AbortSignal
}

interface RecvFlags
  extends EngineFlags,
    AnnounceFlags,
    AuditFlags,
    DryRunFlags,
    ExistingFlags,
    PolicyFlags,
    ProgressFlags,
    ResumeFlags,
    TimeoutFlags {
  listen?: string
  output?: string
  from?: string[]
  hold?: string
  once?: boolean
  /** False with `--no-messages`. */
  messages: boolean
  /** False with `--no-receipts`. */
  receipts: boolean
  maxSize?: number
  maxTotal?: number
}

/** `sft recv`: the receiving end of a pipe, and with `--listen` that of `sft send FILE NAME@HOST:PORT`. */
export function registerRecv(program: Command): void {
  const common = withDryRun(
    withExisting(withTimeout(withEngine(program.command('recv')))),
    'a stream is verified to its end'
  )
  withJson(withProgress(withResume(withAudit(withPolicy(withAnnounce(common))))))
    .description('open a sealed stream, or take files from peers')
    .argument('[stream]', 'a stored stream; - or nothing is standard input')
    .option('--listen <host:port>', 'take files from peers that dial this address')
    .option('-o, --output <path>', 'FILE, or - for standard output; with --listen also a directory')
    .option(
      '--from <name>',
      'accept this sender only; repeat for more (with --listen the default is you alone)',
      collect
    )
    .option('--hold <file>', 'release nothing before the whole stream has verified; FILE holds it until then')
    .option('--once', 'with a directory: end after one transfer')
    .option('--no-messages', 'with --listen: refuse messages of the accepted senders, which are printed otherwise')
    .option(
      '--no-receipts',
      'with --listen: refuse files whose sender wants a signed receipt, which is given otherwise'
    )
    .option('--max-size <bytes>', 'largest file to take', parseSize)
    .option('--max-total <bytes>', 'most bytes to take in all', parseSize)
    .addHelpText(
      'after',
      '\nExamples:\n  $ set -o pipefail; sft send dir.tar | sft recv --from alice --hold /tmp/held | tar x\n  $ sft recv --listen :12566 -o inbox/ --from alice'
    )
    .action(recv)
}

async function recv(stream: string | undefined, options: RecvFlags): Promise<void> {
  const { output = '-' } = options
  const isDirectory = output !== '-' && (await pointsToDirectory(output))
  await requireSense(rulesOf(stream, options, isDirectory))
  await existingOf(options)
  if (options.output === undefined && !options.dryRun) await refuseTerminal('what a peer sent')
  await requireFreeOutput(output === '-' && !options.dryRun)
  await using engine = await openEngine(options)
  const listening = isDirectory && !options.once ? intoDirectory : oneTransfer
  const receive = (signal: AbortSignal): Promise<void> => {
    if (options.listen === undefined) return fromPipe(engine, stream ?? '-', { ...options, isDirectory }, signal)
    return withUnderWay(options, follow =>
      withAuditLog(options, audit => listening(engine, options, { audit, follow, signal }))
    )
  }
  const wire = options.listen === undefined ? 'pipe' : 'socket'
  await withStats(engine, options, wire, () => interruptible(receive, options.timeout))
}

/** Options that belong to the pipe, or to peers that dial us; to a file, or to a directory. */
function rulesOf(stream: string | undefined, options: RecvFlags, isDirectory: boolean): Rule[] {
  const { listen, hold, dryRun, maxSize, maxTotal, once, policy, audit, timeout } = options
  const listens = listen !== undefined
  return [
    [listens && given(stream, hold), '--listen takes no stream to read and no --hold'],
    [listens && given(dryRun), '-n is for a stream: what peers will send, nobody knows'],
    [
      !listens && given(maxSize, maxTotal, once, policy, audit),
      '--once, --max-size, --max-total, --policy and --audit belong to --listen'
    ],
    [
      !isDirectory && given(once, maxTotal),
      '--once and --max-total belong to a directory',
      'to a file or - one transfer is all there is'
    ],
    [given(timeout) && isDirectory && !once, '--timeout belongs to one transfer', '--once takes one']
  ]
}

async function oneTransfer(engine: Engine, options: RecvFlags, { audit, follow, signal }: Listening): Promise<void> {
  const { openInbox, parseHostPort } = await import('../../index.ts')
  const { output, maxSize, maxTotal, resume, receipts } = options
  const existing = await existingOf(options)
  const policy = await policyOf(options)
  const from = sendersOf(options.from, policy, engine)
  const announce = await announcer(engine, 'receive', options)
  let withdraw = async (): Promise<void> => {}
  const receiving = engine.receiveOne({
    ...parseHostPort(options.listen as string),
    from,
    destination: options.once
      ? openInbox(output as string, { from, maxSize, maxTotal, existing, resume })
      : await oneDestination(options),
    maxSize,
    onListening: listener => {
      sayListening(listener)
      withdraw = announce(listener)
    },
    onEvent: othersOnly(options, follow),
    onMessage: onMessage(options),
    receipts,
    policy,
    audit,
    signal,
    drain: drainTime
  })
  const result = await receiving.finally(() => withdraw())
  if (!options.quiet) sayReceived(result)
  signal.throwIfAborted()
  await requireWhole(result.tree?.omitted, result.peer)
}

/** Says what happens beside the one transfer, whose end and failure are the command's own. */
function othersOnly(flags: ProgressFlags, follow: Listening['follow']): (event: TransferEvent) => void {
  let own: string | undefined
  return event => {
    follow(event)
    if (event.type === 'start' && event.content !== 'message') own = event.id
    if (event.id !== own) sayEvent(event, flags)
    else reader()?.event(event)
  }
}

async function intoDirectory(engine: Engine, options: RecvFlags, { audit, follow, signal }: Listening): Promise<void> {
  const { parseHostPort } = await import('../../index.ts')
  const { maxSize, maxTotal, resume, receipts } = options
  const existing = await existingOf(options)
  const policy = await policyOf(options)
  const from = sendersOf(options.from, policy, engine)
  const address = parseHostPort(options.listen as string)
  const announce = await announcer(engine, 'receive', options)
  const listener = await engine.receiveInto(options.output as string, {
    ...address,
    from,
    maxSize,
    maxTotal,
    existing,
    resume,
    policy,
    audit,
    onMessage: onMessage(options),
    receipts,
    onEvent: event => {
      follow(event)
      sayEvent(event, options)
    }
  })
  sayListening(listener)
  const withdraw = announce(listener)
  const stopped = await interruption(signal)
  await withdraw()
  await listener.close({ drain: drainTime(stopped) })
  throw stopped
}

function sayReceived(result: TransferResult & { peer: string }): void {
  if (result.restart) sayRestart(result.metadata.name ?? 'a stream', result.restart)
  sayTransfer('received from', result.peer, result.metadata.name, result)
}

function onMessage({ output, messages }: RecvFlags) {
  return messages ? messagePrinter({ onStandardOutput: output !== undefined && output !== '-' }) : undefined
}

/** Whose file it will be is known once somebody offers one; whether it can be written, now. */
async function oneDestination(options: RecvFlags) {
  const { output, resume } = options
  const existing = await existingOf(options)
  const { openOutput, TREE } = await import('../../index.ts')
  const place = output === undefined || output === '-' ? 1 : output
  await openOutput(place, { existing })
  return ({ content }: Offer, { name: peer }: { name: string }) => {
    const owner = resume ? { peer, direction: 'send' as const } : undefined
    return openOutput(place, { existing, owner, tree: content === TREE })
  }
}
