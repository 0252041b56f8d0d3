import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ListKeeper } from './lists.ts'

/** `GET /v2/crl` (SPEC §4.5): the revocation list as DER, with its number as ETag; with `after=N&wait=S` not before there is a later one. */

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

function parseQuery(query: unknown): { after: number | undefined; wait: number } | undefined {
  const { after, wait = '0' } = query as Record<string, unknown>
  if (!isCount(wait) || Number(wait) > MAX_WAIT_S || (after !== undefined && !isCount(after))) return undefined
  return { after: after === undefined ? undefined : Number(after), wait: Number(wait) }
}

function isCount(text: unknown): text is string {
  return typeof text === 'string' && /^\d{1,10}$/.test(text)
}
