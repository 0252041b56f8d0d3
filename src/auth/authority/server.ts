import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SftError } from '../../streams/errors.ts'
import { LEAF_LIFE } from '../certificates/issuance.ts'
import { generateRsaKey, storePrivateKey } from '../certificates/keys.ts'
import { encodePem } from '../certificates/pem.ts'
import type { Authority } from './authority.ts'
import { exportChannel } from './channel.ts'
import { answerList } from './list-route.ts'
import { keepList, type ListKeeper } from './lists.ts'
import { decideLogin, type LoginAnswer, type LoginRules, parseLogin, type Refusal } from './login-decision.ts'
import { type PasswordHasher, passwordHasher } from './password.ts'
import { rateLimit, sourceKey } from './rate-limit.ts'
import type { AuthStore } from './store/store.ts'
import { createTlsServer, listen, renewCertificate, type TlsCredentials, trackConnections } from './tls-server.ts'

/** The auth server (SPEC §4.4): TLS 1.3, four routes, every wait and every size bounded. */

const BODY_LIMIT = 32 * 1024

/** What happened, for a log or an audit; no password and no request text is in it. */
export type AuthEvent =
  | {
      readonly type: 'login'
      readonly result: LoginAnswer['kind']
      /** Of a refusal; the client is not told. */
      readonly reason?: Refusal
      readonly name: string
      readonly source: string
    }
  | { readonly type: 'fault'; readonly error: unknown }

export interface AuthServerOptions {
  readonly authority: Authority
  /** Borrowed: it stays open when the server closes. */
  readonly store: AuthStore
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string
  /** 12565 by default; 0 for any free one. */
  readonly port?: number
  /** Names and addresses by which clients reach the server; `host` by default. */
  readonly hosts?: readonly string[]
  /** Life of a member's certificate in milliseconds; 10 days by default. */
  readonly ttl?: number
  /** Life of the server's own certificate in milliseconds; 10 days by default. It is renewed after two thirds. */
  readonly serverTtl?: number
  readonly hasher?: PasswordHasher
  /** Attempts a minute; 10 and 30 by default. */
  readonly limits?: { readonly perAccount?: number; readonly perSource?: number }
  readonly logger?: (event: AuthEvent) => void
  /** Ends the server as `close` does. */
  readonly signal?: AbortSignal
}

export interface AuthServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number }
  readonly url: string
  /** Accepts nothing new, answers what has been asked, and fulfils when every connection is closed. */
  close(): Promise<void>
}

type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger>

/**
 * Serves an authority over HTTPS until `close`. Memory: at most 512 connections of 8 KiB of header and 32 KiB of body, the hashes that run
 * (see `passwordHasher`) and two rate limits of 10,000 keys.
 *
 * @throws SftError ERR_SFT_CONNECT when the address cannot be listened on, ERR_SFT_USAGE for a host that is none, ERR_SFT_STORE.
 */
export async function serveAuthority(options: AuthServerOptions): Promise<AuthServer> {
  const { host = '127.0.0.1', port = 12565, logger = () => {}, signal } = options
  if (signal?.aborted) throw new SftError('ERR_SFT_CANCELLED', 'the auth server was cancelled')
  const hosts = options.hosts ?? [host]
  const certify = certifier(options, hosts)
  const onFault = (error: unknown): void => logger({ type: 'fault', error })
  const { authority, store } = options
  const server = createTlsServer(await certify())
  const keeper = await keepList({ authority, store, onFault })
  const app = await createApp(server, options, { keeper, logger })
  const renewal = renewCertificate(server, certify, options.serverTtl ?? LEAF_LIFE, onFault)
  const closeServer = trackConnections(server)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    signal?.removeEventListener('abort', close)
    renewal.stop()
    keeper.stop()
    closing ??= closeServer().then(() => app.close())
    return closing
  }
  try {
    await listen(server, host, port)
  } catch (cause) {
    renewal.stop()
    keeper.stop()
    throw new SftError('ERR_SFT_CONNECT', 'the auth server cannot listen on this address', { cause })
  }
  signal?.addEventListener('abort', close, { once: true })
  const address = { host, port: (server.address() as AddressInfo).port }
  const url = `https://${bracketed(hosts[0] ?? host)}:${address.port}`
  return { address, url, close, [Symbol.asyncDispose]: close }
}

/** Makes a fresh key, as strong as the authority's own, and its certificate. */
function certifier(
  { authority, serverTtl }: AuthServerOptions,
  hosts: readonly string[]
): () => Promise<TlsCredentials> {
  const bits = authority.issuing.publicKey.asymmetricKeyDetails?.modulusLength
  return async () => {
    const { publicKey, privateKey } = await generateRsaKey(bits)
    const cert = authority.issueServer(publicKey, hosts, serverTtl)
    return { key: storePrivateKey(privateKey, undefined), cert }
  }
}

/** Routes only; the server listens and closes by itself. fastify is loaded here, for it takes longer than the rest of a command's start. */
async function createApp(
  server: Server,
  options: AuthServerOptions,
  { keeper, logger }: { keeper: ListKeeper; logger: (event: AuthEvent) => void }
): Promise<App> {
  const { fastify } = await import('fastify')
  const app: App = fastify({
    bodyLimit: BODY_LIMIT,
    serverFactory: handler => server.on('request', handler)
  })
  const { authority, limits = {}, hasher = passwordHasher() } = options
  const rules: LoginRules = {
    authority,
    store: options.store,
    hasher,
    perAccount: rateLimit({ attempts: limits.perAccount ?? 10 }),
    perSource: rateLimit({ attempts: limits.perSource ?? 30 }),
    ttl: options.ttl
  }
  const root = encodePem('CERTIFICATE', authority.root.raw)
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/v2/root', async (_, reply) => reply.type('application/x-pem-file').send(root))
  app.get('/v2/crl', (request, reply) => answerList(keeper, request, reply))
  app.post('/v2/login', (request, reply) => answerLogin(rules, logger, request, reply))
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ error: 'not found' }))
  app.setErrorHandler((error: FastifyError, _, reply) => answerFault(logger, error, reply))
  await app.ready()
  return app
}

async function answerLogin(
  rules: LoginRules,
  logger: (event: AuthEvent) => void,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  const attempt = parseLogin(request.body)
  if (attempt === undefined) return reply.code(400).send({ error: 'bad request' })
  const source = sourceKey(request.socket.remoteAddress ?? '')
  const exporter = exportChannel(request.socket as TLSSocket)
  const answer = await decideLogin(rules, attempt, { exporter, source })
  const reason = answer.kind === 'refused' ? { reason: answer.reason } : {}
  logger({ type: 'login', result: answer.kind, ...reason, name: attempt.name, source })
  return sendAnswer(reply, answer)
}

function sendAnswer(reply: FastifyReply, answer: LoginAnswer): FastifyReply {
  switch (answer.kind) {
    case 'issued':
      return reply.send({ chain: answer.chain.map(der => encodePem('CERTIFICATE', der)) })
    case 'refused':
      return reply.code(401).send({ error: 'refused' })
    case 'limited':
      return reply.code(429).header('retry-after', 60).send({ error: 'too many attempts' })
    case 'busy':
      return reply.code(503).header('retry-after', 1).send({ error: 'busy' })
  }
}

/** A fault of the client is its status and no more; one of ours is logged and says nothing. */
function answerFault(logger: (event: AuthEvent) => void, error: FastifyError, reply: FastifyReply): FastifyReply {
  const { statusCode = 500 } = error
  if (statusCode >= 400 && statusCode < 500) return reply.code(statusCode).send({ error: 'bad request' })
  logger({ type: 'fault', error })
  return reply.code(500).send({ error: 'internal' })
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}
