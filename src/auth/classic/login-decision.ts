import type { X509Certificate } from 'node:crypto'
import type { Issuer } from '../certificates/certificate.ts'
import type { PasswordHasher } from '../server/password.ts'
import type { RateLimit } from '../server/rate-limit.ts'
import { isAlias } from './alias.ts'
import { issueClassicLeaf } from './issuance.ts'
import { type ClassicLogin, openLogin, parseLogin } from './login-message.ts'
import type { SeenLogins } from './seen-payloads.ts'
import type { ClassicUsers } from './users.ts'

/** Who gets a classic certificate (SPEC §14.4): a password, and a payload that was never answered before. */

export interface ClassicLoginRules {
  readonly authority: Issuer
  readonly users: ClassicUsers
  readonly seen: SeenLogins
  readonly hasher: PasswordHasher
  readonly perAlias: RateLimit
  readonly perSource: RateLimit
  readonly ttl: number | undefined
}

/** Why nobody gets one: what is encrypted does not open, alias or password is wrong, or the payload has been answered before (A1). */
export type ClassicRefusal = 'payload' | 'password' | 'replay'

export type ClassicAnswer =
  | { readonly kind: 'issued'; readonly certificate: X509Certificate }
  | { readonly kind: 'refused'; readonly reason: ClassicRefusal }
  | { readonly kind: 'malformed' | 'limited' | 'busy' }

/** Decides on one body; `name` as far as it was told. */
export async function decideClassicLogin(
  rules: ClassicLoginRules,
  body: Uint8Array,
  source: string
): Promise<{ answer: ClassicAnswer; name?: string }> {
  const login = parseLogin(body)
  if (login === undefined) return { answer: { kind: 'malformed' } }
  if (!rules.perSource(source)) return { answer: { kind: 'limited' } }
  const secret = openLogin(rules.authority.privateKey, login.payload)
  if (secret === undefined) return { answer: { kind: 'refused', reason: 'payload' } }
  const { name, password } = secret
  return { answer: await decideSecret(rules, login, { name, password }), name }
}

async function decideSecret(
  rules: ClassicLoginRules,
  { payload, publicKey }: ClassicLogin,
  { name, password }: { name: string; password: string }
): Promise<ClassicAnswer> {
  const known = isAlias(name)
  // first, so that whoever has recorded a login can not use up the attempts of its owner with it
  if (rules.seen.has(payload)) return { kind: 'refused', reason: 'replay' }
  if (!rules.perAlias(known ? name : '')) return { kind: 'limited' }
  const stored = known ? await rules.users.passwordOf(name) : undefined
  const verdict = await rules.hasher.verify(Buffer.from(password), stored)
  if (verdict === 'busy') return { kind: 'busy' }
  if (verdict === 'mismatch') return { kind: 'refused', reason: 'password' }
  // M144: of two that come at once, one is first
  const first = await rules.seen.take(payload)
  if (first === 'full') return { kind: 'busy' }
  if (first === 'seen') return { kind: 'refused', reason: 'replay' }
  return { kind: 'issued', certificate: issueClassicLeaf(rules.authority, { alias: name, publicKey, ttl: rules.ttl }) }
}
