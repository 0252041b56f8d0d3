import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { dataDirectory, Engine, loadIdentity, SftError, type SftErrorCode } from 'sft'

/**
 * An HTTP server that hands uploads on to a peer, as they come: `PUT /NAME` answers 201 once the peer has said that the file is durable. Nothing is stored here,
 * and an upload that breaks off leaves nothing there.
 *
 *     node examples/http-upload.ts bob@files.example.org:12566 --port 8080 --limit 1073741824
 *     curl -T report.pdf http://127.0.0.1:8080/report.pdf
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '8080' }, limit: { type: 'string', default: String(2 ** 30) } }
})
const [peer] = positionals
const [port, limit] = [Number(values.port), Number(values.limit)]
if (peer === undefined || !Number.isInteger(port) || !Number.isSafeInteger(limit)) {
  console.error('usage: http-upload.ts NAME@HOST:PORT [--port N] [--limit BYTES]')
  process.exit(2)
}

/** What a client can do something about; all else is our fault or the peer's. */
const STATUS: Partial<Record<SftErrorCode, number>> = {
  ERR_SFT_USAGE: 400,
  ERR_SFT_PUSH_REFUSED: 403,
  ERR_SFT_EXISTS: 409,
  ERR_SFT_LIMIT: 413,
  ERR_SFT_TIMEOUT: 504
}
const RETRY_AFTER_SECONDS = 5
/** What one upload may take at most, and how long its client may be silent, in ms. */
const UPLOAD_MS = 3_600_000
const SILENCE_MS = 60_000
/** How long a client may go on sending after it was refused. */
const LINGER_MS = 2000

const stopping = new AbortController()
const engine = new Engine({ identity: await loadIdentity(dataDirectory(process.env)) })
const server = createServer({ requestTimeout: UPLOAD_MS }, (request, response) => void answer(peer, request, response))
server.timeout = SILENCE_MS
server.listen(port, '127.0.0.1', () =>
  console.error(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`)
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

/** What is under way fails at the peer, too, and leaves nothing there. */
function stop(): void {
  stopping.abort(new SftError('ERR_SFT_CONNECT', 'this server is stopping'))
  server.close(() => void engine.close())
}

async function answer(peer: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'PUT') return reply(response, 405, { error: 'PUT /NAME uploads a file' }, { allow: 'PUT' })
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const signal = AbortSignal.any([gone.signal, stopping.signal])
  try {
    const name = nameOf(request)
    if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge()
    const { bytes, kind } = await engine.send(withinLimit(request), peer, { name, signal })
    reply(response, 201, { name, bytes, kind })
  } catch (error) {
    if (gone.signal.aborted) return
    refuse(response, stopping.signal.aborted ? stopping.signal.reason : error)
  }
}

/** The first component of the path; the engine refuses what is no plain name. */
function nameOf({ url = '/' }: IncomingMessage): string {
  try {
    return decodeURIComponent(new URL(url, 'http://host').pathname.slice(1))
  } catch (cause) {
    throw new SftError('ERR_SFT_USAGE', 'the path is no text', { cause })
  }
}

/** The body, as fast as the peer takes it; of one that does not say how long it is, at most the limit. */
async function* withinLimit(request: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  let left = limit
  // whoever refuses the rest reads on, so it is not destroyed
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    left -= piece.byteLength
    if (left < 0) throw tooLarge()
    yield piece
  }
  // a body that was cut ends like a whole one where nobody looks
  if (!request.complete) throw new SftError('ERR_SFT_TRUNCATED', 'the upload ends before its end')
}

function tooLarge(): SftError {
  return new SftError('ERR_SFT_LIMIT', `an upload has at most ${limit} bytes`)
}

function refuse(response: ServerResponse, error: unknown): void {
  if (!SftError.is(error)) throw error
  const { code, message, retryable } = error
  const status = STATUS[code] ?? (retryable ? 503 : 502)
  const headers: Record<string, string> = status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {}
  reply(response, status, { error: message, code, retryable }, headers)
}

/** After a failure the connection ends, but not before the client had time to read why. */
function reply(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  const text = `${JSON.stringify(body)}\n`
  const ending = status < 400 ? {} : { connection: 'close' }
  const length = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }
  response.writeHead(status, { ...length, ...ending, ...headers })
  if (status < 400 || response.req.readableEnded) response.end(text)
  else linger(response, text)
}

/** What is closed while its peer still sends is reset, and the answer may be lost (RFC 9112 §9.6): the rest of the body is read for a moment, and thrown away. */
function linger(response: ServerResponse, text: string): void {
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER_MS)
  response.once('close', () => clearTimeout(timer))
  response.write(text)
  response.req.once('end', end).resume()
}
