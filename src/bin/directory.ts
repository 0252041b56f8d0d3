import type { Engine, Listener, ServingPeer } from '../index.ts'
import type { Rule } from './sense.ts'
import { messageOf, say } from './terminal.ts'

/** Peers by name alone: where they are, the auth server knows. */

/** ms for the auth server to be reached, and to answer. */
const CONNECT_MS = 5000
const ANSWER_MS = 10_000

export interface AnnounceFlags {
  announce?: string | false
}

/** `NAME:` and `NAME:PATH` in the way of scp: the part before the first colon, if no slash is before it. */
export function splitPeer(text: string): { name: string; path: string } | undefined {
  const match = /^([a-z0-9][a-z0-9._-]{0,31}):(.*)$/s.exec(text)
  return match ? { name: match[1] as string, path: match[2] as string } : undefined
}

/** A name alone may be a file or a host as well. @param path what is asked for there */
export function nameAlone(peer: string | undefined, path = ''): Rule {
  const alone = peer !== undefined && splitPeer(`${peer}:`)?.path === ''
  const hint = `write ${peer}:${path} for where the auth server knows ${peer} to be`
  return [alone, 'a peer is NAME: or NAME@HOST:PORT', hint]
}

/** The address of a peer as `NAME@HOST:PORT`; a name is looked up. */
export async function resolvePeer(engine: Engine, name: string, kind: ServingPeer['kind']): Promise<string> {
  const { formatHostPort, locatePeer, SftError } = await import('../index.ts')
  const url = await requireAuthUrl()
  const { serving } = await locatePeer(engine.identity, name, directoryOf(url))
  const found = serving.find(each => each.kind === kind)
  if (found) return `${name}@${formatHostPort(found.host, found.port)}`
  const hint = kind === 'serve' ? `${name} runs: sft serve DIR` : `${name} runs: sft recv --listen :12566 -o DIR`
  throw new SftError('ERR_SFT_CONNECT', `${name} is not listening, as far as the auth server knows`, { hint })
}

/** The address of a peer who was named in any way: NAME, `NAME:`, or NAME@HOST:PORT, which stays what it is. */
export async function addressOf(engine: Engine, peer: string, kind: ServingPeer['kind']): Promise<string> {
  const named = splitPeer(peer.includes(':') ? peer : `${peer}:`)
  // what is neither is no address either, and called so
  return named?.path === '' ? resolvePeer(engine, named.name, kind) : peer
}

/** What to call once there is a listener: it tells the directory, and returns what takes the word back, in a second at most. */
export async function announcer(
  engine: Engine,
  kind: ServingPeer['kind'],
  { announce }: AnnounceFlags
): Promise<(listener: Listener) => () => Promise<void>> {
  const { keepAnnounced, parseHostPort } = await import('../index.ts')
  const url = await authUrl()
  if (url === undefined || announce === false) return () => async () => {}
  const said = announce === undefined ? undefined : parseHostPort(announce)
  return ({ port, host: bound }) => {
    const host = said?.host ?? (bound === '::' || bound === '0.0.0.0' ? undefined : bound)
    const stop = new AbortController()
    const options = { ...directoryOf(url), kind, host, port: said?.port ?? port, signal: stop.signal }
    const ended = keepAnnounced(() => engine.identity, {
      ...options,
      onFault: error => say(`not announced: ${messageOf(error)}`)
    })
    return () => {
      stop.abort()
      return ended
    }
  }
}

/** Where the auth server is, and how long it may take. */
export function directoryOf(url: string) {
  return { url, connectTimeout: CONNECT_MS, timeout: ANSWER_MS }
}

/** Of the identity here; undefined for one without. */
export async function authUrl(): Promise<string | undefined> {
  const { dataDirectory, readOrigin } = await import('../index.ts')
  return (await readOrigin(dataDirectory(process.env)))?.authUrl
}

async function requireAuthUrl(): Promise<string> {
  const url = await authUrl()
  if (url !== undefined) return url
  const { SftError } = await import('../index.ts')
  throw new SftError('ERR_SFT_USAGE', 'there is no auth server here that could know where a peer is', {
    hint: 'write NAME@HOST:PORT'
  })
}
