import type { AddressInfo } from 'node:net'
import { bind, bracketed } from '../../streams/bind.ts'
import { SftError } from '../../streams/errors.ts'
import type { Authority } from '../authority/authority.ts'
import type { AuthStore } from '../authority/store/store.ts'
import { LEAF_LIFE } from '../certificates/issuance.ts'
import { generateRsaKey, storePrivateKey } from '../certificates/keys.ts'
import { createApp } from './app.ts'
import { type ArchiveOptions, keepAuditShort } from './audit-archive.ts'
import { watchClock } from './clock-steps.ts'
import type { AuthEvent } from './events.ts'
import { keepLists } from './lists.ts'
import { collectMetrics, type MetricsAddress, serveMetrics } from './metrics.ts'
import type { PasswordHasher } from './password.ts'
import { createTlsServer, renewCertificate, type TlsCredentials, trackConnections } from './tls-server.ts'

/** The auth server (SPEC §4.4): TLS 1.3, a few routes, every wait and every size bounded. */

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
  /** Milliseconds between two looks at whether the clock was set; 10 s by default. */
  readonly clockEvery?: number
  readonly hasher?: PasswordHasher
  /** Attempts a minute; 10 and 30 by default. */
  readonly limits?: { readonly perAccount?: number; readonly perSource?: number }
  readonly logger?: (event: AuthEvent) => void
  /** Puts older lines of the audit into files; see `archiveAudit`. */
  readonly archive?: ArchiveOptions & { readonly every?: number }
  /** Serves figures for Prometheus there, over plain HTTP. */
  readonly metrics?: MetricsAddress
  /** Ends the server as `close` does. */
  readonly signal?: AbortSignal
}

export interface AuthServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number }
  readonly url: string
  /** Where the figures are, if they are served. */
  readonly metricsUrl: string | undefined
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
  const { host = '127.0.0.1', port = 12565, signal } = options
  if (signal?.aborted) throw new SftError('ERR_SFT_CANCELLED', 'the auth server was cancelled')
  const hosts = options.hosts ?? [host]
  const parts = await assemble(options, hosts)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    signal?.removeEventListener('abort', close)
    closing ??= parts.close()
    return closing
  }
  try {
    await bind(parts.server, host, port)
  } catch (error) {
    await close()
    throw error
  }
  signal?.addEventListener('abort', close, { once: true })
  const address = { host, port: (parts.server.address() as AddressInfo).port }
  const url = `https://${bracketed(hosts[0] ?? host)}:${address.port}`
  return { address, url, metricsUrl: parts.metricsUrl, close, [Symbol.asyncDispose]: close }
}

/** What a server consists of, before it listens. What has begun is ended again when a later part can not be had. */
async function assemble(options: AuthServerOptions, hosts: readonly string[]) {
  const { logger = () => {}, store, listLife: life, serverTtl = LEAF_LIFE } = options
  await using begun = new AsyncDisposableStack()
  let authority = options.authority
  const current = (): Authority => authority
  const onFault = (error: unknown): void => tell({ type: 'fault', error })
  let tell = logger
  const certify = certifier(current, hosts, options.serverTtl)
  const server = createTlsServer(await certify())
  const renewal = renewCertificate(server, certify, serverTtl, onFault)
  begun.defer(() => renewal.stop())
  const refresh = async (): Promise<Authority> => {
    const next = (await options.refresh?.()) ?? authority
    const rotated = next.issuing.fingerprint256 !== authority.issuing.fingerprint256
    authority = next
    // the CA before it may be void
    if (rotated) renewal.again()
    return authority
  }
  const keeper = await keepLists({ authority: refresh, store, life, onFault })
  begun.defer(() => keeper.stop())
  const metrics = collectMetrics({ authority: current, keeper })
  tell = event => {
    metrics.count(event)
    logger(event)
  }
  const clock = options.clockEvery === undefined ? {} : { every: options.clockEvery }
  begun.defer(watchClock({ onStep: stepTeller(store, event => tell(event)), ...clock }).stop)
  const { archive } = options
  if (archive) {
    const short = keepAuditShort(store, { ...archive, onFault: error => tell({ type: 'fault', error }) })
    begun.defer(() => short.stop())
  }
  const figures = options.metrics && (await serveMetrics(metrics, options.metrics))
  begun.defer(() => figures?.close())
  const app = await createApp(server, { ...options, authority: current }, { keeper, logger: event => tell(event) })
  const closeServer = trackConnections(server)
  const parts = begun.move()
  const close = async (): Promise<void> => {
    await parts.disposeAsync()
    await closeServer()
    await app.close()
  }
  return { server, metricsUrl: figures?.url, close }
}

/** A jump of the clock is told, and written down: what is dated by it can be understood later. */
function stepTeller(store: AuthStore, tell: (event: AuthEvent) => void): (stepped: number) => void {
  return stepped => {
    tell({ type: 'clock', stepped })
    store.audit.append({ type: 'clock', stepped }).catch(error => tell({ type: 'fault', error }))
  }
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
