import { type AddressInfo, isIPv6 } from 'node:net'
import { SftError } from '../../streams/errors.ts'
import { LEAF_LIFE } from '../certificates/issuance.ts'
import { generateRsaKey, storePrivateKey } from '../certificates/keys.ts'
import { createApp } from './app.ts'
import type { Authority } from './authority.ts'
import type { AuthEvent } from './events.ts'
import { keepLists } from './lists.ts'
import type { PasswordHasher } from './password.ts'
import type { AuthStore } from './store/store.ts'
import { createTlsServer, listen, renewCertificate, type TlsCredentials, trackConnections } from './tls-server.ts'

/** The auth server (SPEC §4.4): TLS 1.3, six routes, every wait and every size bounded. */

export interface AuthServerOptions {
  readonly authority: Authority
  /** Asked every 2 s for the authority as it is now, the same object unless it has changed; see `authorityAt`. */
  readonly refresh?: () => Promise<Authority>
  /** Borrowed: it stays open when the server closes. */
  readonly store: AuthStore
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string
  /** 12565 by default; 0 for any free one. */
  readonly port?: number
  /** Names and addresses by which clients reach the server; `host` by default. */
  readonly hosts?: readonly string[]
  /** Life of a member's certificate in milliseconds; 10 days by default. */
  readonly ttl?: number
  /** Milliseconds that a revocation list counts for; 24 hours by default. */
  readonly listLife?: number
  /** Life of the server's own certificate in milliseconds; 10 days by default. It is renewed after two thirds. */
  readonly serverTtl?: number
  readonly hasher?: PasswordHasher
  /** Attempts a minute; 10 and 30 by default. */
  readonly limits?: { readonly perAccount?: number; readonly perSource?: number }
  readonly logger?: (event: AuthEvent) => void
  /** Ends the server as `close` does. */
  readonly signal?: AbortSignal
}

export interface AuthServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number }
  readonly url: string
  /** Accepts nothing new, answers what has been asked, and fulfils when every connection is closed. */
  close(): Promise<void>
}

/**
 * Serves an authority over HTTPS until `close`. Memory: at most 512 connections of 8 KiB of header and 32 KiB of body, the hashes that run
 * (see `passwordHasher`), four rate limits and a lock, each of 10,000 keys.
 *
 * @throws SftError ERR_SFT_CONNECT when the address cannot be listened on, ERR_SFT_USAGE for a host that is none, ERR_SFT_STORE.
 */
export async function serveAuthority(options: AuthServerOptions): Promise<AuthServer> {
  const { host = '127.0.0.1', port = 12565, logger = () => {}, signal } = options
  if (signal?.aborted) throw new SftError('ERR_SFT_CANCELLED', 'the auth server was cancelled')
  const hosts = options.hosts ?? [host]
  let { authority } = options
  const certify = certifier(() => authority, hosts, options.serverTtl)
  const onFault = (error: unknown): void => logger({ type: 'fault', error })
  const { store, listLife: life } = options
  const server = createTlsServer(await certify())
  const renewal = renewCertificate(server, certify, options.serverTtl ?? LEAF_LIFE, onFault)
  const current = async (): Promise<Authority> => {
    const next = (await options.refresh?.()) ?? authority
    const rotated = next.issuing.fingerprint256 !== authority.issuing.fingerprint256
    authority = next
    // the CA before it may be void
    if (rotated) renewal.again()
    return authority
  }
  const keeper = await keepLists({ authority: current, store, life, onFault }).catch(error => {
    renewal.stop()
    throw error
  })
  const app = await createApp(server, { ...options, authority: () => authority }, { keeper, logger })
  const closeServer = trackConnections(server)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    signal?.removeEventListener('abort', close)
    renewal.stop()
    keeper.stop()
    closing ??= closeServer().then(() => app.close())
    return closing
  }
  try {
    await listen(server, host, port)
  } catch (cause) {
    renewal.stop()
    keeper.stop()
    throw new SftError('ERR_SFT_CONNECT', 'the auth server cannot listen on this address', { cause })
  }
  signal?.addEventListener('abort', close, { once: true })
  const address = { host, port: (server.address() as AddressInfo).port }
  const url = `https://${bracketed(hosts[0] ?? host)}:${address.port}`
  return { address, url, close, [Symbol.asyncDispose]: close }
}

/** Makes a fresh key, as strong as the authority's own, and its certificate. */
function certifier(
  authority: () => Authority,
  hosts: readonly string[],
  ttl: number | undefined
): () => Promise<TlsCredentials> {
  const bits = authority().issuing.publicKey.asymmetricKeyDetails?.modulusLength
  return async () => {
    const { publicKey, privateKey } = await generateRsaKey(bits)
    const cert = authority().issueServer(publicKey, hosts, ttl)
    return { key: storePrivateKey(privateKey, undefined), cert }
  }
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}
