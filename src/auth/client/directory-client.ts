import { setTimeout as delay } from 'node:timers/promises'
import { SftError } from '../../streams/errors.ts'
import { PRESENCE_KINDS, type PresenceKind } from '../authority/store/store.ts'
import { isUserName } from '../certificates/names.ts'
import type { PeerIdentity } from '../certificates/path.ts'
import { decodeCertificates } from '../certificates/pem.ts'
import type { Identity } from '../identity/identity.ts'
import { verifyMember } from '../identity/member.ts'
import { exportChannel } from '../server/channel.ts'
import { isHost } from '../server/directory.ts'
import { proveMembership } from '../server/membership.ts'
import { type AuthServerOfMember, parseAnswer, requestAuth } from './auth-client.ts'
import { parseUrl } from './login.ts'

/** The directory as a member asks it (SPEC §4.10). What it says is checked: a certificate by the path check, an address by who answers there. */

export type DirectoryOptions = AuthServerOfMember

/** Somebody who listens. */
export interface ServingPeer {
  readonly name: string
  /** What for: others get files from `serve`, and send to `receive`. */
  readonly kind: PresenceKind
  readonly host: string
  readonly port: number
}

export interface LocatedPeer {
  readonly peer: PeerIdentity
  readonly serving: readonly ServingPeer[]
}

export interface AnnounceOptions extends DirectoryOptions {
  readonly kind: PresenceKind
  /** Name or address by which others reach it; by default the one from which the auth server sees us. */
  readonly host?: string | undefined
  readonly port: number
  /** Ends it; required, since it goes on until then. */
  readonly signal: AbortSignal
  /** Told of an announcement that failed, once until one succeeds. */
  readonly onFault?: (error: unknown) => void
}

/** Bytes of the largest answer: a thousand who listen. */
const MAX_ANSWER = 1024 * 1024
/** Milliseconds between two announcements, and how long the last word may take. */
const ANNOUNCE_EVERY_MS = 60_000
const WITHDRAW_MS = 1000

/**
 * Finds a member by name: the certificate, and where he listens.
 *
 * @param identity borrowed
 * @throws SftError ERR_SFT_UNKNOWN_PEER for a name that nobody has here; ERR_SFT_CERT_* and ERR_SFT_CRL for a chain that does not hold;
 *   ERR_SFT_LOGIN_REFUSED when the server does not take us for a member; otherwise as `login`.
 */
export async function locatePeer(identity: Identity, name: string, options: DirectoryOptions): Promise<LocatedPeer> {
  if (!isUserName(name)) throw unknownPeer(name)
  const { status, body } = await ask(identity, options, { ask: 'lookup', name })
  if (status === 404) throw unknownPeer(name)
  const { chain, serving } = body
  if (!Array.isArray(chain) || !chain.every(each => typeof each === 'string')) throw malformed()
  const peer = verifyMember(identity, decodeCertificates(chain.join('\n')), { name })
  return { peer, serving: parseServing(serving).filter(each => each.name === name) }
}

/** All who listen. @throws SftError as `locatePeer`. */
export async function listServing(identity: Identity, options: DirectoryOptions): Promise<readonly ServingPeer[]> {
  const { body } = await ask(identity, options, { ask: 'list' })
  return parseServing(body.serving)
}

/**
 * Says again and again that we listen, until `options.signal`, and takes it back then. Never rejects; keeps no process alive by its pauses.
 *
 * @param identity - asked each time, so that a renewed one is used.
 */
export async function keepAnnounced(identity: () => Identity, options: AnnounceOptions): Promise<void> {
  const { kind, host, port, signal, onFault = () => {} } = options
  let failed = false
  while (!signal.aborted) {
    try {
      await ask(identity(), options, { ask: 'announce', kind, host, port })
      failed = false
    } catch (error) {
      if (signal.aborted) break
      if (!failed) onFault(error)
      failed = true
    }
    const pause = ANNOUNCE_EVERY_MS * (0.9 + Math.random() / 5)
    await delay(pause, undefined, { ref: false, signal }).catch(() => undefined)
  }
  // the word is good for minutes at most; nobody waits for it to be taken back
  const { signal: _, ...rest } = options
  await Promise.allSettled([ask(identity(), { ...rest, timeout: WITHDRAW_MS }, { ask: 'withdraw', kind })])
}

async function ask(
  identity: Identity,
  options: DirectoryOptions,
  question: object
): Promise<{ status: number; body: Readonly<Record<string, unknown>> }> {
  const connection = { ...options, url: parseUrl(options.url), root: identity.root }
  const { status, body } = await requestAuth(connection, {
    method: 'POST',
    path: '/v2/directory',
    maxAnswer: MAX_ANSWER,
    makeBody: async socket => {
      const proof = await proveMembership(identity, exportChannel(socket))
      return Buffer.from(JSON.stringify({ ...proof, ...question }))
    }
  })
  if (status === 401) throw new SftError('ERR_SFT_LOGIN_REFUSED', 'the auth server does not take you for a member')
  if (status === 429) throw new SftError('ERR_SFT_CONNECT', 'too many questions to the auth server')
  if (status !== 200 && status !== 404) throw new SftError('ERR_SFT_PROTOCOL', `the auth server answered ${status}`)
  return { status, body: parseAnswer(body) }
}

function parseServing(serving: unknown): ServingPeer[] {
  if (!Array.isArray(serving)) throw malformed()
  return serving.map(each => {
    const { name, kind, host, port } = (each ?? {}) as Record<string, unknown>
    const known = PRESENCE_KINDS.find(one => one === kind)
    const isPeer = typeof name === 'string' && isUserName(name) && isHost(host)
    if (!isPeer || known === undefined || !Number.isInteger(port)) throw malformed()
    return { name, kind: known, host, port: port as number }
  })
}

function unknownPeer(name: string): SftError {
  return new SftError('ERR_SFT_UNKNOWN_PEER', `the auth server knows no peer ${JSON.stringify(name)}`)
}

function malformed(): SftError {
  return new SftError('ERR_SFT_PROTOCOL', 'the answer of the auth server is no directory')
}
