import { createHash } from 'node:crypto'
import {
  dataDirectory,
  Engine,
  type FileSession,
  listen,
  loadIdentity,
  openExportRoot,
  openOutput,
  outgoingFile
} from '../src/index.ts'

/**
 * Many sessions at once, over the library. `sessions-child.ts serve DIRECTORY SESSIONS` until SIGTERM; `sessions-child.ts get PORT NAME SESSIONS
 * [SHA-256]` opens so many sessions, then gets the file over all of them at once, and prints what that took as JSON.
 */

/** The listener closes connections beyond 64 handshakes at once. */
const HANDSHAKES = 32

const [role, ...args] = process.argv.slice(2)
await using engine = new Engine({ identity: await loadIdentity(dataDirectory(process.env)) })
if (role === 'serve') await serve(args[0] as string, Number(args[1]))
else await getAll(Number(args[0]), args[1] as string, Number(args[2]), args[3])

async function serve(directory: string, maxSessions: number): Promise<void> {
  await using root = await openExportRoot(directory)
  await using listener = await listen({
    identity: () => engine.identity,
    pool: engine.pool,
    host: '127.0.0.1',
    port: 0,
    maxSessions,
    answers: { open: async path => outgoingFile(await root.open(path)) }
  })
  process.stderr.write(`listening on 127.0.0.1:${listener.port}\n`)
  await new Promise<void>(resolve => process.once('SIGTERM', () => resolve()))
}

/** Opens all sessions, so many handshakes at a time. */
async function openAll(port: number, count: number): Promise<readonly FileSession[]> {
  const sessions: FileSession[] = []
  let left = count
  const open = async (): Promise<void> => {
    while (left-- > 0) sessions.push(await engine.connect(`${engine.identity.name}@127.0.0.1:${port}`))
  }
  await Promise.all(Array.from({ length: HANDSHAKES }, open))
  return sessions
}

/** Seconds that one transfer took since all began. */
async function getOne(session: FileSession, name: string, start: number, hash: string | undefined): Promise<number> {
  const digest = hash === undefined ? undefined : createHash('sha256')
  const destination = await openOutput(async source => {
    for await (const piece of source) digest?.update(piece)
  })
  await session.get(name, destination)
  const seconds = (performance.now() - start) / 1000
  if (digest && digest.digest('hex') !== hash) throw new Error('the copy is not what was sent')
  return seconds
}

async function getAll(port: number, name: string, count: number, hash: string | undefined): Promise<void> {
  const before = performance.now()
  const sessions = await openAll(port, count)
  const start = performance.now()
  const results = await Promise.allSettled(sessions.map(session => getOne(session, name, start, hash)))
  const times = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = results.find(result => result.status === 'rejected')
  if (failed) throw new Error(`${count - times.length} of ${count} sessions failed, one with: ${failed.reason}`)
  await Promise.all(sessions.map(session => session.close()))
  process.stdout.write(JSON.stringify({ opening: (start - before) / 1000, times }))
}
