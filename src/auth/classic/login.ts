import type { X509Certificate } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import { SftError } from '../../streams/errors.ts'
import type { KeyPair } from '../certificates/keys.ts'
import { parseAlias } from './alias.ts'
import { verifyClassicCertificate } from './certificate.ts'
import type { ClassicIdentity } from './identity.ts'
import { encodeLogin } from './login-message.ts'
import { MAX_CLASSIC_PAYLOAD } from './wire.ts'

export interface ClassicLoginOptions {
  /** `http://HOST:PORT` of a classic auth server. */
  readonly url: string
  readonly alias: string
  /** Bytes of the caller, who zeroes them. */
  readonly password: Uint8Array
  readonly key: KeyPair
  /** Pinned: only its key can open the password, and only what it has signed is kept. */
  readonly root: X509Certificate
  /** Milliseconds for everything; 10,000 by default. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const DEADLINE_MS = 10_000

/**
 * Logs in to a classic auth server, which certifies the key.
 *
 * @throws SftError ERR_SFT_LOGIN_REFUSED, ERR_SFT_BUSY, ERR_SFT_CONNECT, ERR_SFT_TIMEOUT, ERR_SFT_PROTOCOL; those of `verifyClassicCertificate`, and
 *   ERR_SFT_CERT_NAME for a certificate of another key (M146).
 */
export async function classicLogin(options: ClassicLoginOptions): Promise<ClassicIdentity> {
  const { root, key } = options
  const alias = parseAlias(options.alias)
  const password = Buffer.from(options.password).toString('utf8')
  const body = encodeLogin(root.publicKey, { name: alias, password, publicKey: key.publicKey })
  const pem = await post(urlOf(options.url), body, options)
  const { certificate, publicKey } = verifyClassicCertificate(pem, { root, alias })
  if (!publicKey.equals(key.publicKey))
    throw new SftError('ERR_SFT_CERT_NAME', 'the classic auth server has certified another key')
  return { alias, root, certificate, pem, ...key }
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL('/verify', text) : undefined
  if (url?.protocol === 'http:') return url
  throw new SftError('ERR_SFT_USAGE', 'a classic auth server is http://HOST:PORT')
}

type Limits = Pick<ClassicLoginOptions, 'timeout' | 'signal'>

async function post(url: URL, body: string, { timeout = DEADLINE_MS, signal }: Limits): Promise<Buffer> {
  const limit = AbortSignal.timeout(timeout)
  try {
    const answer = await send(url, body, AbortSignal.any(signal ? [limit, signal] : [limit]))
    const text = await readAnswer(answer)
    if (answer.statusCode !== 200) throw refusal(answer.statusCode)
    return text
  } catch (cause) {
    if (SftError.is(cause)) throw cause
    signal?.throwIfAborted()
    if (limit.aborted)
      throw new SftError('ERR_SFT_TIMEOUT', 'the classic auth server did not answer in time', { cause })
    throw notReached(url, cause)
  }
}

function notReached({ host }: URL, cause: unknown): SftError {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (code === 'ECONNRESET' || code.startsWith('HPE_'))
    return new SftError('ERR_SFT_CONNECT', `who listens on ${host} does not speak HTTP (${code})`, {
      cause,
      hint: 'sft auth serve has the same port: give the address of sft classic auth'
    })
  return new SftError('ERR_SFT_CONNECT', `can not reach the classic auth server on ${host} (${code})`, {
    cause,
    hint: 'does sft classic auth run there?'
  })
}

function send(url: URL, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': Buffer.byteLength(body) }
    const client = request(url, { method: 'POST', headers, agent: false, signal }, resolve)
    client.on('error', reject)
    client.end(body)
  })
}

async function readAnswer(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.byteLength
    if (size > MAX_CLASSIC_PAYLOAD)
      throw new SftError('ERR_SFT_LIMIT', 'the answer of the classic auth server is too large')
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function refusal(status: number | undefined): SftError {
  if (status === 401) return new SftError('ERR_SFT_LOGIN_REFUSED', 'the classic auth server refused alias or password')
  if (status === 429 || status === 503)
    return new SftError('ERR_SFT_BUSY', 'the classic auth server takes no more logins now', {
      hint: 'try again in a minute'
    })
  return new SftError('ERR_SFT_PROTOCOL', `the classic auth server answered with ${status}`)
}
