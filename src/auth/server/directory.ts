import { isIP } from 'node:net'
import type { Authority } from '../authority/authority.ts'
import { type AuthStore, PRESENCE_KINDS, type Presence, type PresenceKind } from '../authority/store/store.ts'
import { isUserName } from '../certificates/names.ts'
import { encodePem } from '../certificates/pem.ts'
import { checkMembership, type MembershipProof } from './membership.ts'
import type { RateLimit } from './rate-limit.ts'

/** The directory (SPEC §4.10): members find each other's certificates and addresses by name. It can withhold, and not lie: who asks checks what is said. */

/** Milliseconds that an announcement counts; it is said again every minute. */
const PRESENCE_MS = 150_000
const MAX_HOST = 253

export interface DirectoryRules {
  readonly authority: Authority
  readonly store: AuthStore
  readonly perSource: RateLimit
  readonly perHolder: RateLimit
}

export interface DirectoryChannel {
  readonly exporter: string
  readonly source: string
  /** Address of the client as the server sees it. */
  readonly address: string
}

/** What a member asks. */
export type DirectoryQuestion =
  | { readonly ask: 'lookup'; readonly name: string }
  | { readonly ask: 'list' }
  | { readonly ask: 'announce'; readonly kind: PresenceKind; readonly host: string | undefined; readonly port: number }
  | { readonly ask: 'withdraw'; readonly kind: PresenceKind }

export interface DirectoryAnswer {
  readonly status: 200 | 400 | 401 | 404 | 429
  readonly body: object
}

const REFUSED = { status: 401, body: { error: 'refused' } } as const
const BAD = { status: 400, body: { error: 'bad request' } } as const

/** Reads a body; undefined for one that is no question at all. */
export function parseQuestion(body: unknown): (MembershipProof & { question: DirectoryQuestion }) | undefined {
  const { chain, proof, ask, name, kind, host, port } = (body ?? {}) as Record<string, unknown>
  if (typeof chain !== 'string' || typeof proof !== 'string') return undefined
  if (ask === 'list') return { chain, proof, question: { ask } }
  if (ask === 'lookup' && typeof name === 'string' && isUserName(name)) return { chain, proof, question: { ask, name } }
  const known = PRESENCE_KINDS.find(each => each === kind)
  if (known === undefined) return undefined
  if (ask === 'withdraw') return { chain, proof, question: { ask, kind: known } }
  if (ask !== 'announce' || !isPort(port) || !(host === undefined || isHost(host))) return undefined
  return { chain, proof, question: { ask, kind: known, host, port } }
}

/**
 * Answers a member; strangers get one answer whatever they ask.
 *
 * @throws SftError ERR_SFT_STORE.
 */
export async function answerQuestion(
  rules: DirectoryRules,
  asked: MembershipProof & { question: DirectoryQuestion },
  channel: DirectoryChannel
): Promise<DirectoryAnswer> {
  if (!rules.perSource(channel.source)) return { status: 429, body: { error: 'too many attempts' } }
  const member = await checkMembership(rules, asked, channel.exporter)
  if (!member) return REFUSED
  if (!rules.perHolder(member.name)) return { status: 429, body: { error: 'too many attempts' } }
  const { question } = asked
  const { presence } = rules.store
  switch (question.ask) {
    case 'lookup':
      return lookup(rules, question.name)
    case 'list':
      return { status: 200, body: { serving: (await presence.list()).map(inJson) } }
    case 'withdraw':
      await presence.withdraw(member.name, question.kind)
      return { status: 200, body: {} }
    case 'announce':
      return announce(rules, { ...question, name: member.name }, channel.address)
  }
}

/** The latest certificate of a user that is good, and where he is. */
async function lookup({ store }: DirectoryRules, name: string): Promise<DirectoryAnswer> {
  const user = await store.users.get(name)
  const certificates = await store.certificates.list({ name, activeAt: new Date() })
  const latest = certificates.find(({ revoked }) => revoked === undefined)
  const issuer = latest && (await store.lists.issuer(latest.issuer))
  if (!user || user.disabled || !latest || !issuer) return { status: 404, body: { error: 'not found' } }
  const chain = [latest.der, issuer.der].map(der => encodePem('CERTIFICATE', der))
  return { status: 200, body: { chain, serving: (await store.presence.list(name)).map(inJson) } }
}

async function announce(
  { store }: DirectoryRules,
  { name, kind, host, port }: { name: string; kind: PresenceKind; host: string | undefined; port: number },
  address: string
): Promise<DirectoryAnswer> {
  // from elsewhere nobody can be reached at an address that is this machine's own
  if (host !== undefined && isLoopback(host) && !isLoopback(address)) return BAD
  const until = new Date(Date.now() + PRESENCE_MS)
  const entry = { name, kind, host: host ?? address, port, until }
  await store.presence.announce(entry)
  return { status: 200, body: inJson(entry) }
}

function inJson({ name, kind, host, port, until }: Presence): object {
  return { name, kind, host, port, until: until.toISOString() }
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65536
}

/** An IP address or a host name; no user, no path, nothing that a terminal acts on. */
export function isHost(host: unknown): host is string {
  if (typeof host !== 'string' || host.length > MAX_HOST) return false
  return isIP(host) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host)
}

function isLoopback(host: string): boolean {
  return /^(127\.|::1$|::ffff:127\.|localhost$)/.test(host)
}
