import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bind, bracketed } from '../../streams/bind.ts'
import type { Issuer } from '../certificates/certificate.ts'
import type { AuditEvent } from '../identity/audit-chain.ts'
import { type PasswordHasher, passwordHasher } from '../server/password.ts'
import { rateLimit, sourceKey } from '../server/rate-limit.ts'
import { trackConnections } from '../server/tls-server.ts'
import { type ClassicAnswer, type ClassicRefusal, decideClassicLogin } from './login-decision.ts'
import { MAX_LOGIN_BODY } from './login-message.ts'
import type { SeenLogins } from './seen-payloads.ts'
import type { ClassicUsers } from './users.ts'

/** The auth server of the classic system: one path over plain HTTP (SPEC §14.4). */

export const CLASSIC_AUTH_PORT = 12565
export const LOOPBACK = '127.0.0.1'

/** Whether an address is of this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

const MAX_HEADER = 8 * 1024
const MAX_CONNECTIONS = 64
const DEADLINES = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000
}
const TEXT = 'text/plain; charset=utf-8'

/** What happened at a classic auth server; no password is in it. */
export type ClassicAuthEvent =
  | {
      readonly type: 'classic.login'
      readonly result: ClassicAnswer['kind']
      readonly reason?: ClassicRefusal
      /** A payload that has been answered before came again: somebody has recorded a login. */
      readonly alert?: true
      readonly name?: string
      readonly source: string
    }
  | { readonly type: 'fault'; readonly error: unknown }

export interface ClassicAuthOptions {
  readonly authority: Issuer
  readonly users: ClassicUsers
  /** Borrowed: it stays open when the server closes. */
  readonly seen: SeenLogins
  /** Address to listen on; loopback by default. */
  readonly host?: string | undefined
  /** 12565 by default; 0 for any free one. */
  readonly port?: number | undefined
  /** Life of a certificate in milliseconds; 10 days by default. */
  readonly ttl?: number | undefined
  readonly hasher?: PasswordHasher | undefined
  /** Attempts a minute; 10 and 30 by default. */
  readonly limits?: { readonly perAlias?: number; readonly perSource?: number } | undefined
  readonly logger?: (event: ClassicAuthEvent) => void
  /** Nobody gets an answer that it does not know of. The caller closes it. */
  readonly audit?: { append(event: AuditEvent): Promise<void> } | undefined
}

export interface ClassicAuthServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/**
 * Serves a classic authority until `close`. Memory: 64 connections of 8 KiB of header and 16 KiB of body, the hashes that run.
 *
 * @throws SftError ERR_SFT_CONNECT when the address cannot be listened on.
 */
export async function serveClassicAuth(options: ClassicAuthOptions): Promise<ClassicAuthServer> {
  const { host = LOOPBACK, port = CLASSIC_AUTH_PORT } = options
  const server = createServer({ ...DEADLINES, maxHeaderSize: MAX_HEADER }, answerer(options))
  server.maxConnections = MAX_CONNECTIONS
  const closeServer = trackConnections(server)
  await bind(server, host, port)
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://${bracketed(host)}:${bound}`,
    port: bound,
    close: closeServer,
    [Symbol.asyncDispose]: closeServer
  }
}

function answerer(options: ClassicAuthOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { authority, users, seen, ttl, limits = {}, hasher = passwordHasher(), logger = () => {}, audit } = options
  const perAlias = rateLimit({ attempts: limits.perAlias ?? 10 })
  const perSource = rateLimit({ attempts: limits.perSource ?? 30 })
  const rules = { authority, users, seen, hasher, perAlias, perSource, ttl }
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST' || request.url !== '/verify') return end(response, 404)
    const body = await readBody(request)
    if (body === undefined) return end(response, 400)
    const source = sourceKey(request.socket.remoteAddress ?? '')
    const { answer, name } = await decideClassicLogin(rules, body, source)
    const event = {
      type: 'classic.login' as const,
      result: answer.kind,
      ...reasonOf(answer),
      ...(name && { name }),
      source
    }
    logger(event)
    if (answer.kind === 'issued' || answer.kind === 'refused') await audit?.append({ ...event })
    if (answer.kind === 'issued') end(response, 200, answer.certificate.toString())
    else end(response, STATUS[answer.kind])
  }
  return (request, response) => {
    respond(request, response).catch(error => {
      logger({ type: 'fault', error })
      end(response, 500)
    })
  }
}

const STATUS = { refused: 401, malformed: 400, limited: 429, busy: 503 } as const

function reasonOf(answer: ClassicAnswer): { reason?: ClassicRefusal; alert?: true } {
  if (answer.kind !== 'refused') return {}
  return answer.reason === 'replay' ? { reason: 'replay', alert: true } : { reason: answer.reason }
}

/** `undefined` for one that is too long, which is not read to its end. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.byteLength
    if (size > MAX_LOGIN_BODY) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function end(response: ServerResponse, status: number, text = ''): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { 'content-type': TEXT, 'content-length': Buffer.byteLength(text), connection: 'close' })
  response.end(text)
}
