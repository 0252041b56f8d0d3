import { parseUserName } from '../auth/certificates/names.ts'
import { SftError } from '../streams/errors.ts'

/** Port of `sft serve` and `sft recv --listen` when none is given. */
export const DEFAULT_PORT = 12566

export interface HostPort {
  /** Absent: every address of this machine. */
  host?: string
  port: number
}

export interface PeerAddress {
  /** Name of the peer that must answer there. */
  name: string
  host: string
  port: number
}

/**
 * Parses `HOST:PORT`, `[IPv6]:PORT`, `:PORT`, `HOST` or `PORT`.
 *
 * @throws SftError ERR_SFT_USAGE.
 */
export function parseHostPort(text: string, defaultPort = DEFAULT_PORT): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]@/\s]*))(?::(\d{1,5}))?$/.exec(text)
  if (!match) throw new SftError('ERR_SFT_USAGE', `not an address: ${text}`, { hint: 'write HOST:PORT' })
  const [, six, four = '', portText] = match
  if (portText === undefined && /^\d+$/.test(four)) return { port: parsePort(four) }
  const host = six ?? four
  const port = portText === undefined ? defaultPort : parsePort(portText)
  return host === '' ? { port } : { host, port }
}

/**
 * Parses `NAME@HOST:PORT`: a host, and the name of who must answer there.
 *
 * @throws SftError ERR_SFT_USAGE.
 */
export function parsePeerAddress(text: string): PeerAddress {
  const at = text.indexOf('@')
  const { host, port } = parseHostPort(text.slice(at + 1))
  if (at < 0 || host === undefined) throw new SftError('ERR_SFT_USAGE', 'a peer is NAME@HOST:PORT')
  const name = parseUserName(text.slice(0, at))
  return { name, host, port }
}

/** True for what can only be meant as a peer: `NAME@HOST:PORT`. */
export function isPeerAddress(text: string): boolean {
  return /^[a-z0-9][a-z0-9._-]*@[^/]+:\d{1,5}$/.test(text)
}

/** Writes a host and port as it is written in an address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parsePort(text: string): number {
  const port = Number(text)
  if (port > 65535) throw new SftError('ERR_SFT_USAGE', 'a port is a number up to 65535')
  return port
}
