import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, Gauge, Registry } from 'prom-client'
import { bind, bracketed } from '../../streams/bind.ts'
import type { Authority } from '../authority/authority.ts'
import type { AuthEvent } from './events.ts'
import type { ListKeeper } from './lists.ts'

/**
 * Figures of an auth server for Prometheus, at an address of their own: how many log in is nobody's business who can only reach the server. No name and no
 * address is a label.
 */

const DAY_MS = 86_400_000
const REQUEST_MS = 5000

export interface MetricsAddress {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
}

export interface MetricsSources {
  readonly authority: () => Authority
  readonly keeper: ListKeeper
}

/** Counts what happens. */
export interface Metrics {
  count(event: AuthEvent): void
  /** In Prometheus's text format. */
  text(): Promise<string>
  readonly contentType: string
}

export function collectMetrics({ authority, keeper }: MetricsSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const attempts = new Counter({
    name: 'sft_auth_attempts_total',
    help: 'Logins, enrolments and renewals by how they ended.',
    labelNames: ['type', 'result'],
    registers
  })
  const faults = new Counter({ name: 'sft_auth_faults_total', help: 'Faults of the server itself.', registers })
  const gauge = (name: string, help: string, collect: () => number): unknown =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(collect())
      }
    })
  gauge('sft_auth_crl_number', 'Number of the latest revocation list of the issuing CA.', () => keeper.latest.number)
  gauge('sft_auth_crl_age_seconds', 'Age of that list.', () => secondsSince(keeper.latest.thisUpdate))
  gauge('sft_auth_crl_bytes', 'Size of that list.', () => keeper.latest.der.byteLength)
  gauge('sft_auth_root_expiry_days', 'Days until the root ends.', () => daysUntil(authority().root.validToDate))
  gauge('sft_auth_issuing_expiry_days', 'Days until the issuing CA ends.', () =>
    daysUntil(authority().issuing.validToDate)
  )
  for (const type of ['login', 'enrolment', 'renewal'])
    for (const result of ['issued', 'refused', 'limited', 'busy']) attempts.inc({ type, result }, 0)
  return {
    count(event) {
      if (event.type === 'fault') faults.inc()
      else if (event.type !== 'clock') attempts.inc({ type: event.type, result: event.result })
    },
    text: () => registry.metrics(),
    contentType: registry.contentType
  }
}

/**
 * Serves the figures at `/metrics` over plain HTTP until `close`.
 *
 * @throws SftError ERR_SFT_CONNECT when the address cannot be had.
 */
export async function serveMetrics(
  metrics: Metrics,
  { host, port }: MetricsAddress
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end()
    response.setHeader('content-type', metrics.contentType).end(await metrics.text())
  })
  await bind(server, host, port)
  const address = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  return { url: `http://${bracketed(host)}:${address.port}/metrics`, close }
}

function daysUntil(date: Date): number {
  return Math.floor((date.getTime() - Date.now()) / DAY_MS)
}

function secondsSince(date: Date): number {
  return Math.round((Date.now() - date.getTime()) / 1000)
}
