import { randomBytes } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { SftError } from '../../streams/errors.ts'
import type { AuthStore } from '../authority/store/store.ts'
import { isUserName } from '../certificates/names.ts'

/**
 * Enrolment tokens (SPEC §4.11): a JWT that stands in for the password once, for hosts that have nobody to type one. RFC 8725: one algorithm, a type
 * and an audience of its own, a short life.
 */

const ALGORITHM = 'HS256'
const TYPE = 'sft-enrolment+jwt'
const AUDIENCE = 'sft/1 login'
/** Milliseconds that a token lives at most, and by which the clocks of the servers of one store may differ. */
export const MAX_TOKEN_MS = 5 * 60_000
const TOLERANCE_S = 10
/** Bytes of the longest token that is read. */
const MAX_TOKEN = 2048

export interface EnrolmentToken {
  readonly token: string
  readonly expires: Date
}

/** What a token that holds says. */
export interface TokenClaims {
  readonly name: string
  /** Its number, for which it is good once. */
  readonly id: string
  readonly expires: Date
}

/**
 * Makes a token for a user who is there; the audit knows its number.
 *
 * @param ttl - milliseconds, at most five minutes.
 * @throws SftError ERR_SFT_NOT_FOUND for no such user; ERR_SFT_USAGE for a longer life; ERR_SFT_STORE.
 */
export async function issueToken(
  store: AuthStore,
  { org, name, ttl = MAX_TOKEN_MS }: { org: string; name: string; ttl?: number | undefined }
): Promise<EnrolmentToken> {
  if (!(ttl >= 1000 && ttl <= MAX_TOKEN_MS)) throw new SftError('ERR_SFT_USAGE', 'a token lives 1 s to 5 minutes')
  if ((await store.users.get(name)) === undefined) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no such user')
  const id = randomBytes(16).toString('hex')
  const expires = new Date(Math.ceil((Date.now() + ttl) / 1000) * 1000)
  const token = await new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .setIssuer(org)
    .setAudience(AUDIENCE)
    .setSubject(name)
    .setJti(id)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(await store.tokens.secret())
  await store.audit.append({ type: 'token', name, token: id, expires: expires.toISOString() })
  return { token, expires }
}

/** Reads a token of this organisation that is not over; undefined for everything else, without a word about the reason. @throws SftError ERR_SFT_STORE. */
export async function readToken(store: AuthStore, org: string, token: string): Promise<TokenClaims | undefined> {
  if (token.length > MAX_TOKEN) return undefined
  try {
    const { payload } = await jwtVerify(token, await store.tokens.secret(), {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: org,
      audience: AUDIENCE,
      maxTokenAge: MAX_TOKEN_MS / 1000 + 1,
      requiredClaims: ['sub', 'jti', 'exp', 'iat'],
      clockTolerance: TOLERANCE_S
    })
    const { sub, jti, exp } = payload
    if (typeof sub !== 'string' || !isUserName(sub) || typeof jti !== 'string' || exp === undefined) return undefined
    return { name: sub, id: jti, expires: new Date((exp + TOLERANCE_S) * 1000) }
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}
