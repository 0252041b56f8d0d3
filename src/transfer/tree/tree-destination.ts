import { SftError } from '../../streams/errors.ts'
import type { Existing } from '../../streams/existing.ts'
import { asFileFault as toFault } from '../../streams/file-fault.ts'
import type { Metadata } from '../../streams/header.ts'
import type { Source } from '../../streams/types.ts'
import { refuse, type Witness } from '../../streams/write-file.ts'
import type { Destination, Written } from '../destination.ts'
import type { Lease } from '../lease.ts'
import { isWorthless, type PartialOwner } from '../partial.ts'
import { TREE } from './entry.ts'
import { PieceReader } from './piece-reader.ts'
import { leaseOn, Staging, standingAt } from './staging.ts'
import { TreeWriter } from './tree-writer.ts'
import { type Standing, Unpacking } from './unpack.ts'

export interface TreeDestinationOptions {
  /** Whose it is: what an earlier attempt has left is continued, and what this one leaves stays. Default: neither. */
  readonly owner?: PartialOwner | undefined
  /** `replace` takes the place of a directory of that name, as a whole. Default: `refuse`. */
  readonly existing?: Existing | undefined
  readonly witness?: Witness | undefined
  readonly signal?: AbortSignal | undefined
}

interface Plan extends TreeDestinationOptions {
  readonly directory: string
  readonly name: string
  readonly lease: Lease | undefined
}

/** A directory that comes to be under its name only once all of it is there (SPEC §8.5). Memory: one piece, and a file of 1 MiB. */
export function treeDestination(directory: string, name: string, options: TreeDestinationOptions = {}): Destination {
  const { owner } = options
  const lease = owner && leaseOn(directory, name, owner)
  const plan = { ...options, directory, name, lease }
  const begun = async () => {
    const look = async () => owner && (await standingAt(directory, name, owner))
    const standing = await lease?.begun(look, options.existing, 'another process receives this directory')
    return standing && { id: standing.chain, bytes: standing.position }
  }
  return {
    kind: 'durable',
    begun,
    lost: async () => lease?.release(),
    sink:
      (metadata, start = 0) =>
      source =>
        receive(source, metadata, start, plan)
  }
}

async function receive(source: Source<Uint8Array>, { kind }: Metadata, start: number, plan: Plan): Promise<Written> {
  if (kind !== TREE) return refuse(source, new SftError('ERR_SFT_PROTOCOL', 'the peer sends no directory'))
  const counted = { bytes: 0 }
  const reader = new PieceReader(counting(source, counted, plan.signal))
  const { staging, standing } = await stage(start, plan).catch(error => refuse(source, asFileFault(error)))
  let kept = false
  try {
    const tree = await unpack(reader, staging, start, standing, plan)
    const given = await staging.commit(plan.directory, plan.name, plan)
    return { bytes: counted.bytes, tree, ...(given !== plan.name && { renamed: given }) }
  } catch (error) {
    kept = plan.owner !== undefined && !(isWorthless(error) && !isChange(error))
    throw asFileFault(error)
  } finally {
    await reader.close()
    await staging.close(kept)
  }
}

async function stage(
  start: number,
  { directory, name, owner, lease }: Plan
): Promise<{ staging: Staging; standing?: Standing | undefined }> {
  const held = lease?.handOver()
  if (start === 0 || owner === undefined) return { staging: await Staging.begin(directory, name, owner, held) }
  const staging = await Staging.resume(directory, name, owner, held)
  const standing = await standingAt(directory, name, owner)
  if (standing && standing.position >= start) return { staging, standing }
  await staging.close(true)
  throw new SftError('ERR_SFT_BUSY', 'what was begun of this directory has changed meanwhile')
}

async function unpack(
  reader: PieceReader,
  staging: Staging,
  start: number,
  standing: Standing | undefined,
  { owner }: Plan
): Promise<{ entries: number; omitted: number }> {
  const writer = standing ? await TreeWriter.resume(staging.fd, standing.levels) : TreeWriter.begin(staging.fd)
  const note = async (now: Standing): Promise<void> => (owner ? staging.note(now) : undefined)
  const unpacking = new Unpacking(writer, reader, note)
  try {
    if (standing) await reader.skip(standing.position - start)
    if (standing) await unpacking.goOn(standing)
    return await unpacking.run()
  } catch (error) {
    await note(isChange(error) ? await unpacking.takeBack() : unpacking.standing)
    throw error
  } finally {
    await unpacking.close()
    await writer.close()
  }
}

/** What came before the file that changed is as good as ever. */
function isChange(error: unknown): boolean {
  return SftError.is(error) && error.code === 'ERR_SFT_SOURCE_CHANGED'
}

async function* counting(
  source: Source<Uint8Array>,
  counted: { bytes: number },
  signal: AbortSignal | undefined
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    signal?.throwIfAborted()
    counted.bytes += piece.byteLength
    yield piece
  }
}

function asFileFault(cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException
  if (SftError.is(cause) || typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return cause
  return toFault(cause)
}
