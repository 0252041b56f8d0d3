import { parseAlias } from '../../auth/classic/alias.ts'
import { SftError } from '../../streams/errors.ts'
import { parseHostPort } from '../address.ts'

export interface ClassicAddress {
  readonly host: string
  readonly port: number
  /** Whose certificate has to be shown there. */
  readonly alias?: string
}

/**
 * Parses `HOST:PORT` and `ALIAS@HOST:PORT`; a port alone is one of this machine, as in the classic system.
 *
 * @throws SftError ERR_SFT_USAGE.
 */
export function parseClassicAddress(text: string): ClassicAddress {
  const at = text.lastIndexOf('@')
  const place = text.slice(at + 1)
  if (!/(^|:)\d{1,5}$/.test(place))
    throw new SftError('ERR_SFT_USAGE', `not an address: ${text}`, { hint: 'write HOST:PORT, or ALIAS@HOST:PORT' })
  const { host = 'localhost', port } = parseHostPort(place)
  return at < 0 ? { host, port } : { host, port, alias: parseAlias(text.slice(0, at)) }
}
