import { SftError } from '../../streams/errors.ts'
import type { Authority } from '../authority/authority.ts'
import { issueOnBooks } from '../authority/store/entry.ts'
import type { AuthStore, User } from '../authority/store/store.ts'
import { type CertificationRequest, parseRequest } from '../certificates/certificate.ts'
import { isUserName } from '../certificates/names.ts'
import { MAX_PASSWORD, type PasswordHasher, type Verdict } from './password.ts'
import type { SharedLimit } from './rate-limit.ts'
import type { SoftLock } from './soft-lock.ts'

/**
 * Who gets a certificate (SPEC §4.4): 1. limits, 2. one argon2id computation, 3. every other condition, 4. the certificate. It knows no
 * HTTP. Steps 1 to 3 cost the same for every refusal, so that an answer and its time say nothing about which condition failed (M14).
 */

/** What a client sends, and what its connection says. */
export interface LoginAttempt {
  readonly name: string
  readonly password: string
  /** PKCS#10 in PEM. */
  readonly request: string
}

/** Why a login was refused: for the log of the auth server, never for the client. */
export type Refusal =
  | 'unknown user'
  | 'wrong password'
  | 'disabled'
  | 'malformed request'
  | 'replay'
  | 'another name'
  | 'no good token'
  | 'token was used before'

export type LoginAnswer =
  | { readonly kind: 'issued'; readonly chain: readonly Uint8Array[] }
  | { readonly kind: 'refused'; readonly reason: Refusal }
  | { readonly kind: 'limited' }
  | { readonly kind: 'busy' }

export interface LoginRules {
  readonly authority: Authority
  readonly store: AuthStore
  readonly hasher: PasswordHasher
  /** For networks from which the user has not logged in. */
  readonly perAccount: SharedLimit
  /** For each network from which the user has. */
  readonly perNetwork: SharedLimit
  readonly perSource: SharedLimit
  readonly lock: SoftLock
  /** Life of a certificate in milliseconds. */
  readonly ttl?: number | undefined
}

/** Reads the body of a login; undefined for one that is no login at all, which costs no computation. */
export function parseLogin(body: unknown): LoginAttempt | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { name, password, request } = body as Record<string, unknown>
  if (typeof name !== 'string' || typeof password !== 'string' || typeof request !== 'string') return undefined
  const size = Buffer.byteLength(password)
  return isUserName(name) && size > 0 && size <= MAX_PASSWORD ? { name, password, request } : undefined
}

/**
 * Decides on one login, and certifies the key if every condition of M13 holds.
 *
 * @param channel.exporter - base64 of the TLS exporter of the connection that carried the attempt.
 * @param channel.source - key of the source address for the limit.
 * @throws SftError of the user store or of the authority: a fault on this side.
 */
export async function decideLogin(
  rules: LoginRules,
  attempt: LoginAttempt,
  channel: { exporter: string; source: string }
): Promise<LoginAnswer> {
  if (!(await mayTry(rules, attempt.name, channel.source))) return { kind: 'limited' }
  const answer = await judge(rules, attempt, channel)
  await remember(rules, attempt.name, channel.source, answer.kind)
  return answer
}

/** The source first: a single one can then not use up the attempts of many accounts. */
async function mayTry(rules: LoginRules, name: string, source: string): Promise<boolean> {
  const key = `${name} ${source}`
  if (!(await rules.perSource(source)) || (await rules.lock.isLocked(key))) return false
  return (await rules.store.networks.isKnown(name, source)) ? rules.perNetwork(key) : rules.perAccount(name)
}

async function remember(rules: LoginRules, name: string, source: string, kind: LoginAnswer['kind']): Promise<void> {
  const key = `${name} ${source}`
  if (kind === 'refused') await rules.lock.fail(key)
  if (kind !== 'issued') return
  await rules.lock.succeed(key)
  await rules.store.networks.note(name, source)
}

async function judge(
  rules: LoginRules,
  attempt: LoginAttempt,
  channel: { exporter: string; source: string }
): Promise<LoginAnswer> {
  const user = await rules.store.users.get(attempt.name)
  const request = readRequest(attempt.request)
  const password = Buffer.from(attempt.password)
  try {
    const verdict = await rules.hasher.verify(password, user?.password)
    if (verdict === 'busy') return { kind: 'busy' }
    const reason = refusal(user, verdict) ?? requestRefusal(request, attempt.name, channel.exporter)
    if (reason !== undefined || request === undefined) return { kind: 'refused', reason: reason ?? 'malformed request' }
    const chain = await issueOnBooks(rules, request.publicKey, attempt.name)
    if (verdict === 'match with an old cost') await renewHash(rules, attempt.name, password)
    return { kind: 'issued', chain }
  } finally {
    password.fill(0)
  }
}

function refusal(user: User | undefined, verdict: Verdict): Refusal | undefined {
  if (user === undefined) return 'unknown user'
  if (verdict === 'mismatch') return 'wrong password'
  return user.disabled ? 'disabled' : undefined
}

/** What speaks against a request, whoever sends it. */
export function requestRefusal(
  request: CertificationRequest | undefined,
  name: string,
  exporter: string
): Refusal | undefined {
  return request === undefined ? 'malformed request' : bindingRefusal(request, name, exporter)
}

/** A request counts on the channel that it was made for, where nobody else can repeat it, and for the name in it. */
export function bindingRefusal(
  request: CertificationRequest,
  name: string,
  exporter: string
): 'replay' | 'another name' | undefined {
  if (request.challenge !== exporter) return 'replay'
  return request.name === name ? undefined : 'another name'
}

/** Undefined for what is none. */
export function readRequest(pem: string): CertificationRequest | undefined {
  try {
    return parseRequest(pem)
  } catch (error) {
    if (SftError.is(error)) return undefined
    throw error
  }
}

/** Stores the hash at the present cost. When the queue is full the next login does it. */
async function renewHash({ store, hasher }: LoginRules, name: string, password: Buffer): Promise<void> {
  try {
    await store.users.setPassword(name, await hasher.hash(password))
  } catch (error) {
    if (!SftError.is(error) || error.code !== 'ERR_SFT_LIMIT') throw error
  }
}
