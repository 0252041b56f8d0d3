import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { encodePem } from '../certificates/pem.ts'
import { exportChannel } from './channel.ts'
import type { AuthEvent } from './events.ts'
import { answerList } from './list-route.ts'
import type { ListKeeper } from './lists.ts'
import { decideLogin, type LoginAnswer, type LoginRules, parseLogin } from './login-decision.ts'
import { type PasswordHasher, passwordHasher } from './password.ts'
import { rateLimit, sourceKey } from './rate-limit.ts'
import { decideRenewal, parseRenewal, type RenewalAnswer, type RenewalRules } from './renewal-decision.ts'
import { softLock } from './soft-lock.ts'

/** The routes of the auth server, and what each answer is in HTTP. */

const BODY_LIMIT = 32 * 1024

export interface AppOptions extends Pick<LoginRules, 'authority' | 'store' | 'ttl'> {
  readonly hasher?: PasswordHasher | undefined
  /** Attempts a minute; 10 and 30 by default. */
  readonly limits?: { readonly perAccount?: number; readonly perSource?: number } | undefined
}

/** Makes the routes for a server that listens and closes by itself. fastify is loaded here, for it takes longer than the rest of a command's start. */
export async function createApp(
  server: Server,
  options: AppOptions,
  { keeper, logger }: { keeper: ListKeeper; logger: (event: AuthEvent) => void }
): Promise<FastifyInstance<Server>> {
  const { fastify } = await import('fastify')
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    serverFactory: handler => server.on('request', handler)
  })
  const { authority, limits = {}, hasher = passwordHasher() } = options
  const rules: LoginRules = {
    authority,
    store: options.store,
    hasher,
    perAccount: rateLimit({ attempts: limits.perAccount ?? 10 }),
    perNetwork: rateLimit({ attempts: limits.perAccount ?? 10 }),
    lock: softLock(),
    perSource: rateLimit({ attempts: limits.perSource ?? 30 }),
    ttl: options.ttl
  }
  const root = encodePem('CERTIFICATE', authority.root.raw)
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/v2/root', async (_, reply) => reply.type('application/x-pem-file').send(root))
  app.get('/v2/crl', (request, reply) => answerList(keeper, request, reply))
  app.post('/v2/login', (request, reply) => answerLogin(rules, logger, request, reply))
  const renewals = { ...rules, perHolder: rateLimit({ attempts: limits.perAccount ?? 10 }) }
  app.post('/v2/renew', (request, reply) => answerRenewal(renewals, logger, request, reply))
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
  await tell({ type: 'login', result: answer.kind, ...reason, name: attempt.name, source }, rules, logger)
  return sendAnswer(reply, answer)
}

async function answerRenewal(
  rules: RenewalRules,
  logger: (event: AuthEvent) => void,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  const attempt = parseRenewal(request.body)
  if (attempt === undefined) return reply.code(400).send({ error: 'bad request' })
  const source = sourceKey(request.socket.remoteAddress ?? '')
  const exporter = exportChannel(request.socket as TLSSocket)
  const answer = await decideRenewal(rules, attempt, { exporter, source })
  const reason = answer.kind === 'refused' ? { reason: answer.reason } : {}
  await tell({ type: 'renewal', result: answer.kind, ...reason, name: answer.name, source }, rules, logger)
  return sendAnswer(reply, answer)
}

/** M49: nobody gets an answer that the audit does not know of. */
async function tell(
  event: Exclude<AuthEvent, { type: 'fault' }>,
  { store }: Pick<LoginRules, 'store'>,
  logger: (event: AuthEvent) => void
): Promise<void> {
  logger(event)
  if (event.result === 'issued' || event.result === 'refused') await store.audit.append({ ...event })
}

function sendAnswer(reply: FastifyReply, answer: LoginAnswer | RenewalAnswer): FastifyReply {
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
