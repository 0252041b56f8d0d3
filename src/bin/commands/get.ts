import type { Command } from 'commander'
import type { Engine, Existing, FilterOptions } from '../../index.ts'
import { continuable, saysRestart } from '../continuing.ts'
import { nameAlone, resolvePeer, splitPeer } from '../directory.ts'
import { type DryRunFlags, planGet, withDryRun } from '../dry-run.ts'
import { type ExistingFlags, existingOf, withExisting } from '../existing.ts'
import { interruptible } from '../interrupt.ts'
import { requireFreeOutput } from '../json-flags.ts'
import { type MoveFlags, withMove } from '../moving.ts'
import { openEngine } from '../options.ts'
import { showsProgress, withProgressOf } from '../progress.ts'
import { requireSense } from '../sense.ts'
import { withStats } from '../stats.ts'
import { placeOf, type ResumeFlags, retryOptions, sayReceived, withResume } from '../transfers.ts'
import { requireWhole, treeFilter } from '../trees.ts'

interface GetFlags extends MoveFlags, DryRunFlags, ExistingFlags, ResumeFlags {
  output?: string
}

interface Asked {
  readonly address: string
  readonly path: string
  readonly output: string | number
  readonly existing: Existing
  readonly tree: FilterOptions | undefined
}

/** `sft get NAME:PATH` and `sft get NAME@HOST:PORT PATH`. */
export function registerGet(program: Command): void {
  const move = withResume(withExisting(withMove(program.command('get'))))
  withDryRun(
    move,
    'the peer is asked, and says how large a file is, but not what is in a directory; it sees a transfer that was cancelled'
  )
    .description('get a file or a directory from a peer that runs sft serve')
    .argument('<peer>', 'NAME:PATH, whom the auth server finds, or NAME@HOST:PORT')
    .argument('[path]', 'path below the directory it serves, after NAME@HOST:PORT')
    .option('-o, --output <path>', 'FILE, directory, or - for standard output (default: received_<name>)')
    .action(get)
}

async function get(peer: string, pathHere: string | undefined, options: GetFlags): Promise<void> {
  const { parsePeerAddress, receivedName, SftError } = await import('../../index.ts')
  const named = pathHere === undefined ? splitPeer(peer) : undefined
  // NAME: and -r is all that is served
  const path = (named?.path ?? pathHere) || (named && options.recursive ? '.' : undefined)
  if (!path) {
    const hint = 'sft get NAME:PATH, or sft get -r NAME: for all that is served'
    throw new SftError('ERR_SFT_USAGE', 'what to get is missing', { hint })
  }
  await requireSense([nameAlone(peer, path)])
  await requireFreeOutput(options.output === '-' && !options.dryRun)
  const tree = await treeFilter(options)
  const existing = await existingOf(options)
  const shown = showsProgress(options)
  await using engine = await openEngine(options, shown)
  const output = options.output === '-' ? 1 : (options.output ?? receivedName(path))
  const { streams, resume, verifyPrefix, connectTimeout } = options
  const address = named ? await resolvePeer(engine, named.name, 'serve') : peer
  if (options.dryRun) return dryRun(engine, { address, path, output, existing, tree }, options)
  const wanted = {
    existing,
    streams,
    connectTimeout,
    resume,
    tree,
    verifyPrefix,
    ...retryOptions(options),
    ...saysRestart(path)
  }
  const place = await placeOf(output, path)
  await withStats(engine, options, 'socket', async () => {
    const result = await continuable(told =>
      interruptible(
        signal =>
          withProgressOf(shown, news => engine.get(address, path, output, { ...wanted, ...told, ...news, signal })),
        options.timeout
      )
    )
    if (!options.quiet) sayReceived({ address, path, place }, result, streams)
    await requireWhole(result.tree?.omitted, parsePeerAddress(address).name)
  })
}

/** What can not be written is known before the peer is asked. */
async function dryRun(
  engine: Engine,
  { address, path, output, existing, tree }: Asked,
  { streams, connectTimeout, timeout }: GetFlags
): Promise<void> {
  const { openOutput, receivedName } = await import('../../index.ts')
  await openOutput(output, { existing, name: receivedName(path), tree: tree !== undefined })
  const place = await placeOf(output, path)
  await interruptible(
    signal => planGet(engine, { address, path, tree, place }, { streams, connectTimeout, signal }),
    timeout
  )
}
