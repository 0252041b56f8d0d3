import type { PeerIdentity } from '../auth/certificates/path.ts'
import { SftError } from '../streams/errors.ts'
import { through } from './destination.ts'
import type { ExportRoot, OpenedDirectory, OpenedFile } from './export-root.ts'
import { limitSize } from './inbox.ts'
import type { Action, Policy, PolicyRequest } from './policy.ts'
import type { Answers } from './requests.ts'
import { readable } from './tree/filter.ts'
import type { Gate } from './tree/walk.ts'

/** What a policy refuses, whoever serves or receives: to the peer it is as if it were not there, to the owner it is told (SPEC §8.2, M59). */

/** A request that the policy has refused; `identity` is the session's. */
export interface Denial extends PolicyRequest {
  readonly type: 'denied'
  readonly identity: PeerIdentity
}

export interface Guard {
  readonly policy?: Policy | undefined
  readonly onDenied: (denial: Denial) => void
}

type Accept = NonNullable<Answers['accept']>

/** Opens below a root what the policy lets this peer get; the file's own place decides, not the path that led there. */
export async function openGuarded(
  root: ExportRoot,
  path: string,
  identity: PeerIdentity,
  guard: Guard
): Promise<OpenedFile> {
  const opened = await root.open(path)
  try {
    await requireAllowed(guard, identity, { action: 'get', path: opened.path, size: Number(opened.stat.size) })
    return opened
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

/** What of a directory below a root a peer gets: each file by its own place. What the policy refuses is as if it were not there. */
export function gateOf({ path, hardLinks }: OpenedDirectory, identity: PeerIdentity, guard: Guard): Gate {
  return async (below, stat) => {
    const place = readable(path === '' ? below : `${Buffer.from(path).toString('latin1')}/${below}`)
    const wanted = { action: 'get' as const, path: place, size: Number(stat.size) }
    if (!(await isAllowed(guard, identity, wanted))) return 'hidden'
    return stat.isFile() && stat.nlink > 1n && !hardLinks ? 'has another name' : undefined
  }
}

/** Accepts what the policy lets a peer send; a stream of unknown length is cut off where it becomes too long. */
export function acceptGuarded(accept: Accept, guard: Guard, action: Exclude<Action, 'get'> = 'send'): Accept {
  if (guard.policy === undefined) return accept
  return async (offer, identity) => {
    const { name: path, size } = offer
    const maxSize = await requireAllowed(guard, identity, { action, path, size })
    return through(await accept(offer, identity), (sink, start) => limitSize(sink, maxSize - start))
  }
}

async function isAllowed(guard: Guard, identity: PeerIdentity, wanted: Omit<PolicyRequest, 'peer'>): Promise<boolean> {
  try {
    await requireAllowed(guard, identity, wanted)
    return true
  } catch (error) {
    if (SftError.is(error) && error.code === 'ERR_SFT_NOT_FOUND') return false
    throw error
  }
}

/** The bytes that are allowed. @throws SftError ERR_SFT_NOT_FOUND, ERR_SFT_PUSH_REFUSED. */
async function requireAllowed(
  { policy, onDenied }: Guard,
  identity: PeerIdentity,
  wanted: Omit<PolicyRequest, 'peer'>
): Promise<number> {
  if (policy === undefined) return Number.POSITIVE_INFINITY
  const request = { ...wanted, peer: identity.name }
  const verdict = await policy.decide(request)
  if (verdict.allowed) return verdict.maxSize
  onDenied({ type: 'denied', identity, ...request })
  const code = request.action === 'get' ? 'ERR_SFT_NOT_FOUND' : 'ERR_SFT_PUSH_REFUSED'
  throw new SftError(code, 'the policy does not allow it')
}
