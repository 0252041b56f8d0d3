import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { PeerIdentity } from '../auth/certificates/path.ts'
import { SftError } from '../streams/errors.ts'
import { type Existing, type ExistingOptions, existingOf } from '../streams/existing.ts'
import type { Sink, Source } from '../streams/types.ts'
import { isPlainName, writeFile } from '../streams/write-file.ts'
import { CommitRecord } from './commit-record.ts'
import { type Destination, through, type Written } from './destination.ts'
import { bothOf, DoneMark, doneBefore, type Mark, marked } from './done-mark.ts'
import { type PartialOwner, resumableFile } from './partial.ts'
import type { Offer } from './requests.ts'
import { TREE } from './tree/entry.ts'
import { treeDestination } from './tree/tree-destination.ts'

/** A directory that takes what peers offer. The receiver chooses where, and every name (SPEC §8, M34; attacks A30, A31). */

export type Senders = readonly string[] | 'members'

export interface InboxOptions extends ExistingOptions {
  /** Names of peers to accept from; `members` for all of the organisation, such as where a policy decides. */
  from: Senders
  /** Largest file in bytes. Default: no bound but the stream's. */
  maxSize?: number | undefined
  /** Most bytes of all files taken together over the life of this inbox. */
  maxTotal?: number | undefined
  /** Continues what an earlier attempt of the same sender has left, and keeps what one leaves. Default true. */
  resume?: boolean | undefined
}

/** Makes the `accept` of an `Answers` that stores each offered file in `directory` under its proposed name. */
export function openInbox(
  directory: string,
  options: InboxOptions
): (offer: Offer, peer: PeerIdentity) => Promise<Destination> {
  const quota: Quota = { left: options.maxTotal ?? Number.POSITIVE_INFINITY }
  const { maxSize = Number.POSITIVE_INFINITY, resume = true } = options
  const existing = existingOf(options)
  const underway = new Set<string>()
  const awaited = new Set<string>()
  return async (offer, peer) => {
    requireAccepted(peer, options.from)
    requireHarmlessName(offer.name)
    const witness = markOf(directory, offer, peer, resume ? awaited : undefined)
    const done = await witness?.done()
    if (witness && done !== undefined) return doneBefore(done, witness)
    const job = offer.job && witness?.path
    if (job && underway.has(job)) throw new SftError('ERR_SFT_BUSY', 'this job is under way')
    requireSize(offer.size, Math.min(maxSize, quota.left))
    if (existing === 'refuse' && (await exists(join(directory, offer.name))))
      throw new SftError('ERR_SFT_EXISTS', 'a file of that name exists')
    const owner = resume ? { peer: peer.name, direction: 'send' as const } : undefined
    const destination = marked(witness, () => destinationOf(directory, offer, { owner, existing, witness }))
    return through(destination, (sink, start) =>
      noticing(limitSize(sink, maxSize - start, quota, destination.begun), underway, job)
    )
  }
}

interface Storing {
  readonly owner: PartialOwner | undefined
  readonly existing: Existing
  readonly witness: Mark | undefined
}

function destinationOf(
  directory: string,
  { name, content }: Offer,
  { owner, existing, witness }: Storing
): Destination {
  if (content === TREE) return treeDestination(directory, name, { owner, existing, witness })
  if (owner) return resumableFile(directory, name, { owner, existing, witness })
  return {
    kind: 'durable',
    sink: ({ holes }) => writeFile(directory, name, { existing, owned: true, witness, holes: holes === 1 })
  }
}

/** What tells another offer that this one is done: of a job, of a file that goes on where it ended, or both. */
function markOf(
  directory: string,
  { name, job, fileId }: Offer,
  { name: peer }: PeerIdentity,
  awaited: Set<string> | undefined
): Mark | undefined {
  const place = { directory, name, peer, direction: 'send' } as const
  const record = awaited && fileId ? new CommitRecord({ ...place, fileId, awaited }) : undefined
  if (!job) return record
  const mark = new DoneMark({ ...place, job })
  return record ? bothOf(mark, record) : mark
}

/** The same sink; while it runs, its job is among those under way: what became of it is not known before. */
function noticing(
  sink: Sink<Uint8Array, Written>,
  underway: Set<string>,
  job: string | undefined
): Sink<Uint8Array, Written> {
  if (job === undefined) return sink
  return async source => {
    underway.add(job)
    return await Promise.resolve(sink(source)).finally(() => underway.delete(job))
  }
}

/** Refuses a peer that is not among `from`. */
export function requireAccepted(peer: PeerIdentity, from: Senders): void {
  if (from !== 'members' && !from.includes(peer.name))
    throw new SftError('ERR_SFT_SENDER', `${peer.name} is not among the accepted senders`)
}

/**
 * Refuses what could surprise in a directory or on a terminal: no plain component, a dot file (start-up files of shells), or control and
 * direction-changing characters.
 */
export function requireHarmlessName(name: string): void {
  if (!isHarmlessName(name)) throw new SftError('ERR_SFT_PUSH_REFUSED', 'the proposed name is not accepted')
}

export function isHarmlessName(name: string): boolean {
  return isPlainName(name) && !name.startsWith('.') && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)
}

/** Bytes that may still be taken; running transfers count as they come in, failed ones are given back. */
interface Quota {
  left: number
}

/** Stops a source that brings more than was allowed, whatever size it announced. */
export function limitSize(
  sink: Sink<Uint8Array, Written>,
  maxSize: number,
  quota: Quota = { left: Number.POSITIVE_INFINITY },
  begun: Destination['begun'] = undefined
): Sink<Uint8Array, Written> {
  return async source => {
    const taken = { bytes: 0 }
    try {
      return await sink(meter(source, maxSize, quota, taken))
    } catch (error) {
      // what stays for another attempt still takes its place
      if (!(await begun?.().catch(() => undefined))) quota.left += taken.bytes
      throw error
    }
  }
}

async function* meter(
  source: Source<Uint8Array>,
  maxSize: number,
  quota: Quota,
  taken: { bytes: number }
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    if (taken.bytes + piece.byteLength > maxSize || piece.byteLength > quota.left) throw tooLarge()
    taken.bytes += piece.byteLength
    quota.left -= piece.byteLength
    yield piece
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false
  )
}

/** Refuses a size that was announced. */
export function requireSize(size: number | undefined, most: number): void {
  if ((size ?? 0) > most) throw tooLarge()
}

function tooLarge(): SftError {
  return new SftError('ERR_SFT_LIMIT', 'more than this receiver takes')
}
