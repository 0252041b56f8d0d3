import { issueOnBooks } from '../authority/store/entry.ts'
import { type LoginAnswer, type LoginRules, readRequest, requestRefusal } from './login-decision.ts'
import { readToken } from './tokens.ts'

/** Who gets a certificate for an enrolment token (SPEC §4.11). There is nothing to guess: a token costs no argon2id, and a stranger a verification. */

export interface TokenAttempt {
  readonly token: string
  /** PKCS#10 in PEM. */
  readonly request: string
}

export type TokenAnswer = LoginAnswer & { readonly name?: string }

/** Reads the body of such a login; undefined for one that is none. */
export function parseTokenLogin(body: unknown): TokenAttempt | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { token, request } = body as Record<string, unknown>
  return typeof token === 'string' && typeof request === 'string' ? { token, request } : undefined
}

/**
 * Decides on one of them, and certifies the key if every condition of M58 holds. The token is spent by then, whatever becomes of the answer.
 *
 * @throws SftError of the store or of the authority: a fault on this side.
 */
export async function decideTokenLogin(
  rules: Pick<LoginRules, 'authority' | 'store' | 'perSource' | 'ttl'>,
  attempt: TokenAttempt,
  channel: { exporter: string; source: string }
): Promise<TokenAnswer> {
  const { authority, store } = rules
  if (!(await rules.perSource(channel.source))) return { kind: 'limited' }
  const claims = await readToken(store, authority.org, attempt.token)
  if (claims === undefined) return { kind: 'refused', reason: 'no good token' }
  const { name, id, expires } = claims
  const request = readRequest(attempt.request)
  const user = await store.users.get(name)
  const known = user === undefined ? 'unknown user' : user.disabled ? 'disabled' : undefined
  const reason = known ?? requestRefusal(request, name, channel.exporter)
  if (reason !== undefined || request === undefined)
    return { kind: 'refused', name, reason: reason ?? 'malformed request' }
  if (!(await store.tokens.spend(id, expires))) return { kind: 'refused', name, reason: 'token was used before' }
  return { kind: 'issued', name, chain: await issueOnBooks(rules, request.publicKey, name) }
}
