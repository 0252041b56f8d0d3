import { join } from 'node:path'
import type { Engine, Metadata, Source, StreamInfo, Written } from '../index.ts'
import { type DryRunFlags, sayPlan } from './dry-run.ts'
import { type ExistingFlags, existingOf } from './existing.ts'
import { type ProgressFlags, showsProgress, withProgressOf } from './progress.ts'
import { isTerminal, say } from './terminal.ts'
import { UNDER_RSA } from './transfers.ts'
import { requireWhole } from './trees.ts'

/** The receiving end of a pipe. */

export interface OpenFlags extends DryRunFlags, ExistingFlags, ProgressFlags {
  output?: string
  from?: string[]
  hold?: string
  /** Whether the output is a directory, to be written into. */
  readonly isDirectory: boolean
}

export async function fromPipe(engine: Engine, stream: string, options: OpenFlags, signal: AbortSignal): Promise<void> {
  const { hold, readDescriptor, readFile, SftError } = await import('../index.ts')
  if (stream === '-' && isTerminal(0))
    throw new SftError('ERR_SFT_USAGE', 'standard input is the terminal', { hint: 'sft recv --help' })
  const source = stream === '-' ? readDescriptor(0, { signal }) : readFile(stream, { signal })
  let found: StreamInfo | undefined
  const onHeader = (info: StreamInfo): void => {
    found = info
    if (!options.quiet) say(wordsOf(info))
  }
  // a terminal may have both ends of a pipe: two lines would write over each other
  const alone = stream !== '-' && options.output !== undefined && options.output !== '-'
  const written = await withProgressOf(alone && showsProgress(options), ({ onEvent }) => {
    const opened = engine.open(source, { onHeader, onEvent, owned: true, ...(options.from && { from: options.from }) })
    const held = options.hold === undefined ? opened : hold(options.hold)(opened)
    return intoOutput(held, () => found?.metadata, options, signal)
  })
  if (written.renamed !== undefined) say(`its name was taken, it is ${written.renamed}`)
  await requireWhole(written.tree?.omitted, found?.sender.name)
}

function wordsOf({ sender, metadata, protection }: StreamInfo): string {
  const name = metadata.name === undefined ? '' : `: ${metadata.name}`
  return `from ${sender.name} (${sender.org})${name}${protection.suite === 'rsa-oaep' ? `, ${UNDER_RSA}` : ''}`
}

/** What it is, and so where it goes, is known with the first byte; whether it can be written, before. */
async function intoOutput(
  opened: AsyncGenerator<Uint8Array>,
  metadata: () => Metadata | undefined,
  options: OpenFlags,
  signal: AbortSignal
): Promise<Written> {
  const { output, isDirectory } = options
  const existing = await existingOf(options)
  const { isHarmlessName, openOutput, TREE } = await import('../index.ts')
  const place = output === undefined || output === '-' ? 1 : output
  if (!isDirectory) await openOutput(place, { existing, signal })
  const first = await opened.next()
  const { kind, name, holes, created = Date.now() } = metadata() ?? {}
  const proposed = name !== undefined && isHarmlessName(name) ? name : undefined
  const tree = kind === TREE
  const destination = await openOutput(place, { existing, signal, tree, name: proposed })
  const again = async function* (): AsyncGenerator<Uint8Array> {
    if (!first.done) yield first.value
    yield* opened
  }
  if (!options.dryRun) return await destination.sink({ created, kind, holes })(again())
  const nowhere = await openOutput(discard, { tree, signal })
  const written = await nowhere.sink({ created, kind, holes })(again())
  const { tree: counts, ...sum } = written
  const what = tree ? { content: 'directory' as const, ...counts } : { bytes: sum.bytes }
  sayPlan('receive', { direction: 'received', name, ...what, path: pathIn(options, proposed) })
  return written
}

/** Verified to its end, and kept nowhere. */
async function discard(source: Source<Uint8Array>): Promise<void> {
  for await (const piece of source) void piece
}

/** Where what has this name would go. */
function pathIn({ output, isDirectory }: OpenFlags, name = ''): string | undefined {
  if (output === undefined || output === '-') return undefined
  return isDirectory ? join(output, name) : output
}
