import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Authority } from '../authority/authority.ts'
import type { AuthStore } from '../authority/store/store.ts'
import { encodePem } from '../certificates/pem.ts'
import { exportChannel } from './channel.ts'
import { answerQuestion, parseQuestion } from './directory.ts'
import type { AuthEvent } from './events.ts'
import { answerList, answerLists } from './list-route.ts'
import type { ListKeeper } from './lists.ts'
import { decideLogin, type LoginAnswer, type LoginRules, parseLogin } from './login-decision.ts'
import { type PasswordHasher, passwordHasher } from './password.ts'
import { rateLimit, sharedLimit, sourceKey } from './rate-limit.ts'
import { decideRenewal, parseRenewal, type RenewalAnswer } from './renewal-decision.ts'
import { softLock } from './soft-lock.ts'
import { decideTokenLogin, parseTokenLogin } from './token-login.ts'

/** The routes of the auth server, and what each answer is in HTTP. */

const BODY_LIMIT = 32 * 1024
/** Questions a minute to the directory, of a source and of a member. */
const DIRECTORY_LIMIT = 300

export interface AppOptions extends Pick<LoginRules, 'store' | 'ttl'> {
  /** As it is now. */
  readonly authority: () => Authority
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
  const { attempts } = options.store
  const rules: LoginRules = {
    get authority() {
      return authority()
    },
    store: options.store,
    hasher,
    perAccount: sharedLimit(attempts, 'account', limits.perAccount ?? 10),
    perNetwork: sharedLimit(attempts, 'network', limits.perAccount ?? 10),
    lock: softLock(attempts),
    perSource: sharedLimit(attempts, 'source', limits.perSource ?? 30),
    ttl: options.ttl
  }
  const root = encodePem('CERTIFICATE', authority().root.raw)
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/v2/root', async (_, reply) => reply.type('application/x-pem-file').send(root))
  app.get('/v2/crl', (request, reply) => answerList(keeper, request, reply))
  app.get('/v2/lists', (request, reply) => answerLists(keeper, request, reply))
  const perHolder = sharedLimit(attempts, 'holder', limits.perAccount ?? 10)
  const tell = teller(options.store, logger)
  const login = certifying(tell, parseLogin, async (attempt, channel) => {
    const answer = await decideLogin(rules, attempt, channel)
    const { name } = attempt
    return { answer, event: { type: 'login', result: answer.kind, ...reasonOf(answer), name, source: channel.source } }
  })
  const renewal = certifying(tell, parseRenewal, async (attempt, channel) => {
    const answer = await decideRenewal({ ...rules, perHolder }, attempt, channel)
    const { name } = answer
    return {
      answer,
      event: { type: 'renewal', result: answer.kind, ...reasonOf(answer), name, source: channel.source }
    }
  })
  const enrolment = certifying(tell, parseTokenLogin, async (attempt, channel) => {
    const { name, ...answer } = await decideTokenLogin(rules, attempt, channel)
    const { source } = channel
    return { answer, event: { type: 'enrolment', result: answer.kind, ...reasonOf(answer), name, source } }
  })
  app.post('/v2/login', login)
  app.post('/v2/enrol', enrolment)
  app.post('/v2/renew', renewal)
  const directory = {
    perSource: rateLimit({ attempts: DIRECTORY_LIMIT }),
    perHolder: rateLimit({ attempts: DIRECTORY_LIMIT })
  }
  app.post('/v2/directory', async (request, reply) => {
    const asked = parseQuestion(request.body)
    if (asked === undefined) return reply.code(400).send({ error: 'bad request' })
    const { status, body } = await answerQuestion({ ...rules, ...directory }, asked, channelOf(request))
    return reply.code(status).send(body)
  })
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ error: 'not found' }))
  app.setErrorHandler((error: FastifyError, _, reply) => answerFault(logger, error, reply))
  await app.ready()
  return app
}

type Told = Exclude<AuthEvent, { type: 'fault' | 'clock' }>
type Decided = { readonly answer: LoginAnswer | RenewalAnswer; readonly event: Told }

/** A route that certifies, by a proof on its own channel: it reads the attempt, decides, tells, and answers. */
function certifying<Attempt>(
  tell: (event: Told) => Promise<void>,
  parse: (body: unknown) => Attempt | undefined,
  decide: (attempt: Attempt, channel: { exporter: string; source: string }) => Promise<Decided>
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  return async (request, reply) => {
    const attempt = parse(request.body)
    if (attempt === undefined) return reply.code(400).send({ error: 'bad request' })
    const { answer, event } = await decide(attempt, channelOf(request))
    await tell(event)
    return sendAnswer(reply, answer)
  }
}

/** What a request comes by, and what binds it to that. */
function channelOf({ socket }: FastifyRequest): { exporter: string; source: string; address: string } {
  const address = socket.remoteAddress ?? ''
  return { exporter: exportChannel(socket as TLSSocket), source: sourceKey(address), address }
}

function reasonOf<Reason>(answer: { kind: 'refused'; reason: Reason } | { kind: string }): { reason?: Reason } {
  return 'reason' in answer ? { reason: answer.reason } : {}
}

/** M49: nobody gets an answer that the audit does not know of. */
function teller({ audit }: AuthStore, logger: (event: AuthEvent) => void): (event: Told) => Promise<void> {
  return async event => {
    logger(event)
    if (event.result === 'issued' || event.result === 'refused') await audit.append({ ...event })
  }
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
