import type { Command } from 'commander'
import type { Engine, KeptOptions, Recipient, SftError, TransferResult, TreeOptions } from '../../index.ts'
import { continuable, saysRestart } from '../continuing.ts'
import { authUrl, directoryOf, nameAlone, resolvePeer, splitPeer } from '../directory.ts'
import { type DryRunFlags, planInput, planSend, withDryRun } from '../dry-run.ts'
import { interruptible } from '../interrupt.ts'
import { requireFreeOutput } from '../json-flags.ts'
import { type MoveFlags, withMove } from '../moving.ts'
import { collect, openEngine, parseSize, refuseTerminal } from '../options.ts'
import { showsProgress, withProgressOf } from '../progress.ts'
import { given, type Rule, requireSense } from '../sense.ts'
import { withStats } from '../stats.ts'
import { isTerminal } from '../terminal.ts'
import { retryOptions, sayTransfer } from '../transfers.ts'
import { requireWhole, treeOptions } from '../trees.ts'

interface SendFlags extends MoveFlags, DryRunFlags {
  to?: string[]
  output?: string
  name?: string
  force?: boolean
  receipt?: string
  replay?: number
}

interface Sending extends SendFlags {
  /** Whether a terminal shows how far it is. */
  readonly shown: boolean
}

/** Of a pipe (SPEC §7.4). The library counts them too, but only once each of them has been looked for. */
const MAX_RECIPIENTS = 64

/** `sft send FILE NAME:`, `sft send FILE NAME@HOST:PORT`, and the sending end of a pipe. */
export function registerSend(program: Command): void {
  withDryRun(
    withMove(program.command('send')),
    'the peer is dialled and proves who it is, but only an offer tells what it refuses'
  )
    .description('send a file or a directory to a peer, or seal it into a pipe')
    .argument('[file]', 'what to send; - or nothing is standard input')
    .argument(
      '[peer]',
      'NAME: of a peer that runs sft recv --listen, whom the auth server finds, or NAME@HOST:PORT; without it the sealed stream goes to standard output'
    )
    .option(
      '--to <peer>',
      'who can open the pipe: a name in the peer book or the directory, or FILE.crt (default: you); repeat for more, up to 64',
      collect
    )
    .option('-o, --output <file>', 'write the sealed stream to a file; - is standard output, even a terminal')
    .option('--name <name>', 'file name to tell the receiver')
    .option('--receipt <file>', 'have the peer sign what it got; sft receipt verify checks it; - is standard output')
    .option(
      '--replay <bytes>',
      'keep the last bytes of standard input, so that a lost connection is dialled again and goes on: 256M',
      parseSize
    )
    .option('-f, --force', 'replace an existing output file or receipt')
    .addHelpText(
      'after',
      '\nExamples:\n  $ tar c dir | sft send --to bob | ssh host "sft recv --hold /tmp/held | tar x"\n  $ sft send report.pdf --to bob --to carol -o report.sft\n  $ sft send report.pdf bob:\n  $ sft send -r photos bob: --exclude "*.tmp"'
    )
    .action(send)
}

async function send(file: string | undefined, peer: string | undefined, options: SendFlags): Promise<void> {
  const { isPeerAddress } = await import('../../index.ts')
  // `tar c dir | sft send bob@host:port` leaves the file out
  const [input, address] =
    peer === undefined && file !== undefined && (isPeerAddress(file) || splitPeer(file)?.path === '')
      ? ['-', file]
      : [file ?? '-', peer]
  await requireSense(rulesOf(input, address, options))
  const { output, timeout, receipt } = options
  const taken = address === undefined ? output === undefined || output === '-' : receipt === '-'
  await requireFreeOutput(taken && !options.dryRun)
  // a terminal may have both ends of a pipe: two lines would write over each other
  const shown = showsProgress(options) && (address !== undefined || (output !== undefined && output !== '-'))
  const sending = { ...options, shown }
  await using engine = await openEngine(options, shown)
  const source = input === '-' ? 0 : input
  await withStats(engine, options, address === undefined ? 'pipe' : 'socket', () =>
    address === undefined
      ? interruptible(signal => intoPipe(engine, source, sending, signal), timeout)
      : toPeer(engine, source, address, sending)
  )
}

/** Options that belong to the pipe, or to a peer that is dialled. */
function rulesOf(input: string, address: string | undefined, options: SendFlags): Rule[] {
  const [piped, dialled] = [input === '-', address !== undefined]
  const { to = [], output, retry, streams, receipt, replay, recursive, verifyPrefix, connectTimeout } = options
  return [
    [piped && isTerminal(0), 'no file given, and standard input is the terminal', 'sft send --help'],
    [dialled && given(options.to, output), '--to and -o belong to the pipe, not to a peer that is dialled'],
    [!dialled && given(retry), '--retry belongs to a peer that is dialled, not to the pipe'],
    [!dialled && given(verifyPrefix), '--verify-prefix belongs to a peer that is dialled, not to the pipe'],
    [piped && given(verifyPrefix), '--verify-prefix is for a file, not for standard input'],
    [!dialled && given(receipt), '--receipt belongs to a peer that is dialled, not to the pipe'],
    [!dialled && given(streams), '--streams belongs to a peer that is dialled, not to the pipe'],
    [!dialled && given(connectTimeout), '--connect-timeout belongs to a peer that is dialled, not to the pipe'],
    [recursive === true && given(receipt), 'a receipt is of a file, not of a directory'],
    [recursive === true && piped, '-r is for a directory, not for standard input'],
    [!dialled && given(replay), '--replay belongs to a peer that is dialled, not to the pipe'],
    [
      piped && given(retry) && !given(replay),
      'standard input can not be read twice',
      '--replay 256M keeps the end of it, and goes on by itself'
    ],
    nameAlone(address),
    [to.length > MAX_RECIPIENTS, `a stream has at most ${MAX_RECIPIENTS} recipients`]
  ]
}

async function toPeer(engine: Engine, source: string | 0, address: string, options: Sending): Promise<void> {
  const sending = (told: KeptOptions) =>
    interruptible(signal => moveToPeer(engine, source, address, options, { ...told, signal }), options.timeout)
  // what came from standard input is gone
  await (source === 0 ? sending({}) : continuable(sending))
}

async function moveToPeer(
  engine: Engine,
  source: string | 0,
  address: string,
  options: Sending,
  told: KeptOptions & { signal: AbortSignal }
): Promise<void> {
  const named = splitPeer(address)
  if (named && named.path !== '') {
    const { SftError } = await import('../../index.ts')
    throw new SftError('ERR_SFT_USAGE', 'the receiver chooses where a file goes', { hint: `write ${named.name}:` })
  }
  const place = named ? await resolvePeer(engine, named.name, 'receive') : address
  const { name, streams, replay, verifyPrefix, connectTimeout } = options
  const tree = await treeOptions(options)
  const dialling = { streams, connectTimeout, signal: told.signal }
  if (options.dryRun) return requireWhole(await planSend(engine, { source, name, tree }, place, dialling))
  const keep = await receiptKeeper(options, told.signal)
  const receipt = keep !== undefined
  const events = { ...retryOptions(options), ...saysRestart(name ?? String(source)), ...told }
  const result = await withProgressOf(options.shown, news =>
    engine.send(source, place, { name, tree, receipt, replay, verifyPrefix, ...dialling, ...events, ...news })
  )
  if (!options.quiet) sayTransfer('sent to', place, result.metadata.name, result, streams)
  await keep?.(result)
  await requireWhole(result.tree?.omitted)
}

/** Where the receipt goes: what can not be written is known before anything is sent. */
async function receiptKeeper({ receipt, force }: SendFlags, signal: AbortSignal) {
  if (receipt === undefined) return undefined
  const { formatReceipt, openOutput } = await import('../../index.ts')
  const destination = await openOutput(receipt === '-' ? 1 : receipt, { force, signal })
  return async (result: TransferResult): Promise<void> => {
    if (!result.receipt) return
    await destination.sink({ created: Date.now() })([Buffer.from(formatReceipt(result.receipt))])
  }
}

async function intoPipe(engine: Engine, source: string | 0, options: Sending, signal: AbortSignal): Promise<void> {
  const { openOutput } = await import('../../index.ts')
  const { output, force, name, shown } = options
  if (output === undefined && !options.dryRun) await refuseTerminal('a sealed stream')
  const recipients = await findRecipients(engine, options.to)
  const destination = await openOutput(output === undefined || output === '-' ? 1 : output, { force, signal })
  const tree = await treeOptions(options)
  const names = options.to ?? [engine.identity.name]
  if (options.dryRun) return requireWhole(await planInput({ source, name, tree }, `seal for ${names.join(', ')}`))
  let omitted = 0
  const counted = tree && {
    ...tree,
    onOmitted: (...what: Parameters<NonNullable<TreeOptions['onOmitted']>>) => {
      omitted++
      tree.onOmitted?.(...what)
    }
  }
  const sink = destination.sink({ created: Date.now() })
  await withProgressOf(shown, ({ onEvent }) =>
    Promise.resolve(sink(engine.seal(source, recipients, { name, tree: counted, signal, onEvent })))
  )
  await requireWhole(omitted)
}

/** All of them, before the first byte is read; one after the other, for each may ask the directory. */
async function findRecipients(engine: Engine, to: readonly string[] = [engine.identity.name]): Promise<Recipient[]> {
  const { SftError } = await import('../../index.ts')
  const found: Recipient[] = []
  for (const name of to) {
    const recipient = findRecipient(engine, name).catch(cause => {
      if (to.length === 1 || !SftError.is(cause)) throw cause
      throw new SftError(cause.code, `${name}: ${cause.message}`, { cause, ...(cause.hint && { hint: cause.hint }) })
    })
    found.push(await recipient)
  }
  return found
}

async function findRecipient(engine: Engine, to: string): Promise<Recipient> {
  const { dataDirectory, findPeer, locatePeer, SftError } = await import('../../index.ts')
  try {
    return await findPeer(dataDirectory(process.env), engine.identity, to)
  } catch (error) {
    const url = await authUrl()
    if (!SftError.is(error) || !isOutOfDate(error) || url === undefined) throw error
    return (await locatePeer(engine.identity, to, directoryOf(url))).peer
  }
}

/** The peer book has nobody of this name, or only a certificate that is over: the directory may. */
function isOutOfDate({ code }: SftError): boolean {
  return code === 'ERR_SFT_UNKNOWN_PEER' || code === 'ERR_SFT_CERT_EXPIRED'
}
