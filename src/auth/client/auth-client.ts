import type { X509Certificate } from 'node:crypto'
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { SftError } from '../../streams/errors.ts'

/** One request to an auth server over a TLS 1.3 connection of its own, with deadlines and a bounded answer. */

export interface AuthConnection {
  readonly url: URL
  /** The only CA. Without it nothing is trusted and nothing secret may be sent. */
  readonly root?: X509Certificate | undefined
  /** Milliseconds until TLS stands; 5,000 by default. */
  readonly connectTimeout?: number | undefined
  /** Milliseconds for everything; 30,000 by default. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What whoever asks an auth server says beside his own root: where it is, how long it may take. */
export interface AuthServerOfMember extends Omit<AuthConnection, 'url' | 'root'> {
  /** `https://HOST:PORT` of the auth server. */
  readonly url: string
}

export interface AuthRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes of the largest answer; 64 KiB by default. */
  readonly maxAnswer?: number
  /** Called once TLS stands and the server is verified, so that the body may depend on the channel; it is zeroed after use. */
  readonly makeBody?: (socket: TLSSocket) => Buffer | Promise<Buffer>
}

export interface AuthAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const MAX_ANSWER = 64 * 1024

/** OpenSSL's names for a certificate that is only out of its time, or made for another host. */
const EXPIRED = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID'

/**
 * Sends one request and reads its answer.
 *
 * @throws SftError ERR_SFT_CONNECT and ERR_SFT_CERT_* before TLS stands, ERR_SFT_CONNECTION_LOST after, ERR_SFT_TIMEOUT, ERR_SFT_LIMIT for a
 *   larger answer, ERR_SFT_CANCELLED.
 */
export async function requestAuth(connection: AuthConnection, request: AuthRequest): Promise<AuthAnswer> {
  const { connectTimeout = 5000, timeout = 30_000 } = connection
  const total = AbortSignal.timeout(timeout)
  const handshake = new AbortController()
  const timer = setTimeout(() => handshake.abort(), connectTimeout)
  const signals = [total, handshake.signal, ...(connection.signal === undefined ? [] : [connection.signal])]
  const progress = { secure: false }
  try {
    const client = openRequest(connection, request, AbortSignal.any(signals))
    const answer = receive(client)
    const socket = await secured(client, answer)
    progress.secure = true
    clearTimeout(timer)
    send(client, await request.makeBody?.(socket))
    return await readAnswer(await answer, request.maxAnswer ?? MAX_ANSWER)
  } catch (cause) {
    if (SftError.is(cause)) throw cause
    if (connection.signal?.aborted) throw new SftError('ERR_SFT_CANCELLED', 'the request was cancelled', { cause })
    if (total.aborted || handshake.signal.aborted)
      throw new SftError('ERR_SFT_TIMEOUT', 'the auth server did not answer in time', { cause })
    throw progress.secure ? lost(cause) : unreachable(connection.url, cause)
  } finally {
    clearTimeout(timer)
  }
}

function openRequest({ url, root }: AuthConnection, asked: AuthRequest, signal: AbortSignal): ClientRequest {
  const { method, path, headers = {} } = asked
  const trust = root === undefined ? { rejectUnauthorized: false } : { rejectUnauthorized: true, ca: [root.toString()] }
  // A connection of its own: one that is pooled could be of another trust, and its exporter would serve two logins.
  return request(new URL(path, url), { method, headers, ...trust, agent: false, minVersion: 'TLSv1.3', signal })
}

function receive(client: ClientRequest): Promise<IncomingMessage> {
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    client.once('response', resolve)
    client.on('error', reject)
  })
  // It is awaited only after the TLS handshake; a failure until then arrives through `secured`.
  answer.catch(() => {})
  return answer
}

/** Waits for TLS; node:https ends the request with an error instead when the server's certificate does not verify. */
function secured(client: ClientRequest, answer: Promise<unknown>): Promise<TLSSocket> {
  const socket = new Promise<TLSSocket>(resolve => {
    client.once('socket', (opened: TLSSocket) => opened.once('secureConnect', () => resolve(opened)))
  })
  return Promise.race([socket, answer.then(() => Promise.reject(new Error('an answer before TLS')))])
}

function send(client: ClientRequest, body: Buffer | undefined): void {
  if (body === undefined) {
    client.end()
    return
  }
  client.setHeader('content-type', 'application/json')
  client.setHeader('content-length', body.byteLength)
  client.end(body, () => body.fill(0))
}

async function readAnswer(response: IncomingMessage, maxAnswer: number): Promise<AuthAnswer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.byteLength
    if (size > maxAnswer) throw new SftError('ERR_SFT_LIMIT', 'the answer of the auth server is too large')
    parts.push(part)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }
}

/** The JSON object of an answer; its members are anybody's guess. @throws SftError ERR_SFT_PROTOCOL for what is none */
export function parseAnswer(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    throw new SftError('ERR_SFT_PROTOCOL', 'the answer of the auth server is malformed', { cause })
  }
  throw new SftError('ERR_SFT_PROTOCOL', 'the answer of the auth server is no object')
}

function lost(cause: unknown): SftError {
  return new SftError('ERR_SFT_CONNECTION_LOST', 'the connection to the auth server broke', { cause })
}

function unreachable({ host }: URL, cause: unknown): SftError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === OTHER_NAME)
    return new SftError('ERR_SFT_CERT_NAME', 'the auth server has a certificate for another host', { cause })
  if (EXPIRED.has(code))
    return new SftError('ERR_SFT_CERT_EXPIRED', 'the certificate of the auth server is expired', { cause })
  if (isVerification(code))
    return new SftError('ERR_SFT_CERT_UNTRUSTED', 'the pinned root does not vouch for the auth server', { cause })
  return new SftError('ERR_SFT_CONNECT', `can not reach the auth server on ${host}${code && ` (${code})`}`, { cause })
}

/** OpenSSL's verification errors have bare names; those of the system begin with E, those of Node and of TLS with ERR_. */
function isVerification(code: string): boolean {
  return /^(UNABLE|SELF_SIGNED|DEPTH_ZERO|CERT_|INVALID|PATH_LENGTH|ERROR_IN_CERT|HOSTNAME|CRL_)/.test(code)
}
