import type { FastifyReply, FastifyRequest } from 'fastify'
import { encodePem } from '../certificates/pem.ts'
import type { ListKeeper } from './lists.ts'

/** The revocation lists over HTTP. `GET /v2/crl` (SPEC §4.5): the revocation list as DER, with its number as ETag; with `after=N&wait=S` not before there is a later one. */

/** Seconds that a client may wait for news. */
const MAX_WAIT_S = 50

export async function answerList(
  keeper: ListKeeper,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  const query = parseQuery(request.query)
  if (query === undefined) return reply.code(400).send({ error: 'bad request' })
  const { after, wait } = query
  const list = after === undefined ? keeper.latest : await keeper.after(after, wait * 1000)
  const tag = `"${list.number}"`
  reply.header('etag', tag).header('cache-control', 'no-cache')
  if (request.headers['if-none-match'] === tag || list.number <= (after ?? -1)) return reply.code(304).send()
  return reply.type('application/pkix-crl').send(Buffer.from(list.der))
}

/** `GET /v2/lists` (SPEC §4.5): the lists of every CA of the organisation; with `wait=S` and `If-None-Match` not before one of them is another. */
export async function answerLists(
  keeper: ListKeeper,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  const query = parseQuery(request.query)
  if (query === undefined || query.after !== undefined) return reply.code(400).send({ error: 'bad request' })
  const [, seen] = /^"([0-9a-f]{32})"$/.exec(request.headers['if-none-match'] ?? '') ?? []
  if (seen !== undefined) await keeper.changed(seen, query.wait * 1000)
  const { tag, all } = keeper
  reply.header('etag', `"${tag}"`).header('cache-control', 'no-cache')
  if (tag === seen) return reply.code(304).send()
  const lists = all.map(({ issuer, list }) => ({
    issuer: encodePem('CERTIFICATE', issuer.der),
    list: encodePem('X509 CRL', list.der)
  }))
  return reply.send({ lists })
}

function parseQuery(query: unknown): { after: number | undefined; wait: number } | undefined {
  const { after, wait = '0' } = query as Record<string, unknown>
  if (!isCount(wait) || Number(wait) > MAX_WAIT_S || (after !== undefined && !isCount(after))) return undefined
  return { after: after === undefined ? undefined : Number(after), wait: Number(wait) }
}

function isCount(text: unknown): text is string {
  return typeof text === 'string' && /^\d{1,10}$/.test(text)
}
