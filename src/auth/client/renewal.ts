import { SftError } from '../../streams/errors.ts'
import { createRequest } from '../certificates/certificate.ts'
import { encodeCertificates } from '../certificates/pem.ts'
import type { Identity } from '../identity/identity.ts'
import { exportChannel } from '../server/channel.ts'
import type { AuthServerOfMember } from './auth-client.ts'
import { ownIdentity, parseUrl, requestChain } from './login.ts'

export type RenewalOptions = AuthServerOfMember

/**
 * Gets a new certificate for the same key by possession of it (SPEC §4.6), also for some days after the end of the present one. Nothing is
 * stored; see `replaceChain`.
 *
 * @param identity borrowed
 * @throws SftError ERR_SFT_LOGIN_REFUSED when there is something against it, for which a login is the remedy; otherwise as `login`.
 */
export async function renew(identity: Identity, options: RenewalOptions): Promise<Identity> {
  const { name, root } = identity
  const connection = { ...options, url: parseUrl(options.url), root }
  try {
    const chain = await requestChain(connection, '/v2/renew', socket => {
      const request = createRequest(name, identity, exportChannel(socket))
      return Buffer.from(JSON.stringify({ chain: encodeCertificates(identity.chain), request }))
    })
    return ownIdentity({ ...identity, chain })
  } catch (cause) {
    if (!SftError.is(cause) || cause.code !== 'ERR_SFT_LOGIN_REFUSED' || cause.hint !== undefined) throw cause
    const hint = `sft login ${name} --auth ${options.url}`
    throw new SftError('ERR_SFT_LOGIN_REFUSED', 'the auth server refused to renew the certificate', { cause, hint })
  }
}
