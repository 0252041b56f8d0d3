import { isUtf8 } from 'node:buffer'
import { createHash, timingSafeEqual, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { SftError } from '../../streams/errors.ts'
import { createRequest } from '../certificates/certificate.ts'
import { generateRsaKey, type KeyPair } from '../certificates/keys.ts'
import { organisationOf, parseUserName } from '../certificates/names.ts'
import { verifyPath } from '../certificates/path.ts'
import { decodeCertificate, decodeCertificates } from '../certificates/pem.ts'
import type { Identity } from '../identity/identity.ts'
import { exportChannel } from '../server/channel.ts'
import { checkPassword } from '../server/password.ts'
import { type AuthConnection, parseAnswer, requestAuth } from './auth-client.ts'

/**
 * The login of a user (SPEC §4.4): 1. the root, pinned by file or by fingerprint, 2. TLS to a server that this root certifies, 3. the request,
 * bound to that channel, 4. the check of the answer (M15).
 */

export interface LoginOptions extends EnrolOptions {
  readonly name: string
  /** UTF-8, borrowed: the caller zeroes it. */
  readonly password: Uint8Array
}

/** What a login has beside a name and a password, and an enrolment beside its token. */
export interface EnrolOptions {
  /** `https://HOST:PORT` of the auth server. */
  readonly url: string
  /** The pinned root, or the SHA-256 of its DER in hex (colons allowed). */
  readonly trust: { readonly root: X509Certificate } | { readonly fingerprint: string }
  /** The key to certify; a fresh one by default. */
  readonly key?: KeyPair | undefined
  /** Size of a fresh key in bits; 3,072 by default. */
  readonly bits?: number | undefined
  /** Milliseconds until TLS stands (5,000 by default), and for one whole request (30,000). */
  readonly connectTimeout?: number | undefined
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Gets a certificate for a name and a password. Nothing is stored; see `saveIdentity`. Memory: one answer of at most 64 KiB.
 *
 * @throws SftError ERR_SFT_LOGIN_REFUSED for a wrong name or password (which of them, the server does not say) and for too many attempts;
 *   ERR_SFT_CERT_UNTRUSTED, _EXPIRED or _NAME for a server that the pinned root does not vouch for, before the password is sent, and
 *   ERR_SFT_CERT_* for an answer that is not one's own certificate; ERR_SFT_CONNECT, ERR_SFT_CONNECTION_LOST, ERR_SFT_TIMEOUT,
 *   ERR_SFT_PROTOCOL, ERR_SFT_LIMIT, ERR_SFT_USAGE, ERR_SFT_CANCELLED.
 */
export async function login(options: LoginOptions): Promise<Identity> {
  const name = parseUserName(options.name)
  checkPassword(options.password)
  if (!isUtf8(options.password)) throw new SftError('ERR_SFT_USAGE', 'a password is UTF-8 text')
  return certified(options, name, '/v2/login', request => encodeLogin(name, options.password, request))
}

/**
 * Gets a certificate for an enrolment token, which serves once, whatever comes of it; the name is the token's. Nothing is stored.
 *
 * @throws SftError ERR_SFT_LOGIN_REFUSED for a token that is over, used or none of this organisation; ERR_SFT_USAGE; otherwise as `login`.
 */
export async function enrol(token: string, options: EnrolOptions): Promise<Identity> {
  const name = nameInToken(token)
  try {
    return await certified(options, name, '/v2/enrol', request => Buffer.from(JSON.stringify({ token, request })))
  } catch (cause) {
    if (!SftError.is(cause) || cause.code !== 'ERR_SFT_LOGIN_REFUSED' || cause.hint !== undefined) throw cause
    const hint = 'a token serves once, and for minutes'
    throw new SftError('ERR_SFT_LOGIN_REFUSED', 'the auth server refused the token', { cause, hint })
  }
}

/** Steps 1 to 4, for whatever proof of being `name`. */
async function certified(
  options: EnrolOptions,
  name: string,
  path: string,
  makeBody: (request: string) => Buffer
): Promise<Identity> {
  const connection: AuthConnection = { ...options, url: parseUrl(options.url) }
  const root = 'root' in options.trust ? options.trust.root : await fetchRoot(connection, options.trust.fingerprint)
  const org = organisationOf(root)
  const key = options.key ?? (await generateRsaKey(options.bits))
  const chain = await requestChain({ ...connection, root }, path, socket =>
    makeBody(createRequest(name, key, exportChannel(socket)))
  )
  return ownIdentity({ org, name, root, chain, ...key })
}

/**
 * Whom a token is for, as it says itself; whether that is so, the auth server checks.
 *
 * @throws SftError ERR_SFT_USAGE for what is no token.
 */
export function nameInToken(token: string): string {
  const [, payload = ''] = token.split('.')
  try {
    const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { sub?: unknown }
    return parseUserName(typeof sub === 'string' ? sub : '')
  } catch (cause) {
    throw new SftError('ERR_SFT_USAGE', 'this is no enrolment token', { cause })
  }
}

/** Asks for a chain by a body that depends on the channel. */
export async function requestChain(
  connection: AuthConnection,
  path: string,
  makeBody: (socket: TLSSocket) => Buffer
): Promise<readonly Uint8Array[]> {
  const { status, body } = await requestAuth(connection, { method: 'POST', path, makeBody })
  if (status !== 200) throw refusal(status)
  return chainOf(body)
}

/** M15: the chain that came is for one's own key and name. @throws SftError ERR_SFT_CERT_*. */
export function ownIdentity(identity: Identity): Identity {
  const { chain, root, org, name, publicKey } = identity
  if (verifyPath(chain, { root, org, name }).publicKey.equals(publicKey)) return identity
  throw new SftError('ERR_SFT_CERT_UNTRUSTED', 'the auth server certified another key than the one that was sent')
}

/**
 * Fetches the root of an auth server and compares it with its fingerprint. Nothing is sent but the request for it.
 *
 * @throws SftError ERR_SFT_CERT_UNTRUSTED when the fingerprint is another one; otherwise as `login`.
 */
async function fetchRoot(connection: AuthConnection, fingerprint: string): Promise<X509Certificate> {
  const expected = parseFingerprint(fingerprint)
  const answer = await requestAuth(connection, { method: 'GET', path: '/v2/root' })
  if (answer.status !== 200) throw new SftError('ERR_SFT_PROTOCOL', 'the auth server has no root')
  const root = decodeCertificate(answer.body.toString('utf8'))
  if (timingSafeEqual(createHash('sha256').update(root.raw).digest(), expected)) return root
  throw new SftError('ERR_SFT_CERT_UNTRUSTED', 'the root of the auth server has another fingerprint')
}

function parseFingerprint(text: string): Buffer {
  const hex = text.replaceAll(':', '')
  if (/^[0-9a-f]{64}$/i.test(hex)) return Buffer.from(hex, 'hex')
  throw new SftError('ERR_SFT_USAGE', 'a fingerprint is a SHA-256 hash in hex, 64 digits')
}

/** @throws SftError ERR_SFT_USAGE for another kind of address. */
export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url
  throw new SftError('ERR_SFT_USAGE', 'the address of an auth server is https://HOST:PORT')
}

/** The body as bytes, so that it can be zeroed; the JSON text of the password is the one copy that is left to the garbage collector. */
function encodeLogin(name: string, password: Uint8Array, request: string): Buffer {
  return Buffer.from(JSON.stringify({ name, password: Buffer.from(password).toString('utf8'), request }))
}

function refusal(status: number): SftError {
  if (status === 401) return new SftError('ERR_SFT_LOGIN_REFUSED', 'the auth server refused name or password')
  if (status === 429)
    return new SftError('ERR_SFT_LOGIN_REFUSED', 'too many attempts at the auth server', { hint: 'wait a minute' })
  if (status === 503) return new SftError('ERR_SFT_CONNECT', 'the auth server is busy')
  return new SftError('ERR_SFT_PROTOCOL', `the auth server answered ${status}`)
}

function chainOf(body: Buffer): Uint8Array[] {
  const { chain } = parseAnswer(body)
  if (Array.isArray(chain) && chain.every(each => typeof each === 'string')) return decodeCertificates(chain.join('\n'))
  throw new SftError('ERR_SFT_PROTOCOL', 'the answer of the auth server holds no chain')
}
