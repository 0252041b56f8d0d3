import type { X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { type AuthServerOfMember, requestAuth } from './auth-client.ts'
import { parseUrl } from './login.ts'

/**
 * How far the auth server's clock is ahead of this machine's, in ms; its own is in whole seconds, so that less than one says nothing.
 *
 * @throws SftError as `login`: a server that can not be reached, or that the root does not vouch for.
 */
export async function clockOffset(root: X509Certificate, options: AuthServerOfMember): Promise<number> {
  const connection = { ...options, url: parseUrl(options.url), root }
  const start = Date.now()
  const { headers } = await requestAuth(connection, { method: 'GET', path: '/healthz' })
  const there = Date.parse(headers.date ?? '')
  if (Number.isNaN(there)) throw new SftError('ERR_SFT_PROTOCOL', 'the auth server does not say what time it is')
  const offset = there + 500 - (start + Date.now()) / 2
  return Math.abs(offset) < 1000 ? 0 : Math.round(offset)
}
