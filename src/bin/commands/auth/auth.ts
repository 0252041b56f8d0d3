import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { AuthEvent, AuthStore } from '../../../index.ts'
import { interruptible, interruption } from '../../interrupt.ts'
import {
  collect,
  newPassphrase,
  type PassphraseOptions,
  parseDuration,
  passphraseSource,
  withPassphrase
} from '../../options.ts'
import { messageOf, say } from '../../terminal.ts'
import { registerAudit } from './audit.ts'
import { registerBackup } from './backup.ts'
import { registerCa } from './ca.ts'
import { registerCertificates } from './cert.ts'
import { registerAuthDoctor } from './doctor.ts'
import { type StoreFlags, withAuthority, withStore } from './store.ts'
import { registerTokens } from './token.ts'
import { registerUsers } from './user.ts'

interface InitFlags extends PassphraseOptions {
  org: string
  store?: string
  passphrase: boolean
}

interface ServeFlags extends PassphraseOptions, StoreFlags {
  listen: string
  host?: string[]
  interactive?: boolean
  ttl?: number
  listLife?: number
  metrics?: string
  auditArchive?: string
  json?: boolean
}

const DEFAULT_AUTH_PORT = 12565
const DEFAULT_METRICS_PORT = 12567

/** `sft auth …`: the one place that says who is who. */
export function registerAuth(program: Command): void {
  const auth = program.command('auth').description("run your organisation's authority")
  withPassphrase(auth.command('init'))
    .description('make root and issuing CA; DIR/root.crt is what members get')
    .argument('<dir>', 'a new directory')
    .option('--org <name>', 'name of the organisation', 'example')
    .option('--store <url>', 'keep users and certificates in postgres://USER@HOST/DATABASE (default: a file in DIR)')
    .option('--no-passphrase', 'store the keys in the clear')
    .action(init)
  registerUsers(auth)
  registerCertificates(auth)
  registerCa(auth)
  registerTokens(auth)
  registerBackup(auth)
  registerAuthDoctor(auth)
  registerAudit(auth)
  withPassphrase(withAuthority(auth.command('serve')))
    .description('certify users who log in')
    .option('--listen <host:port>', 'address to listen on', `:${DEFAULT_AUTH_PORT}`)
    .option(
      '--host <name>',
      'name or address by which clients reach it; repeat for more (default: the host listened on, or this machine)',
      collect
    )
    .option('--interactive', 'ask at the terminal for users to add before it serves')
    .option('--ttl <time>', 'life of a certificate, e.g. 10d or 12h', parseDuration)
    .option(
      '--list-life <time>',
      'how long a revocation list counts: peers who can get no later one then refuse everybody (default: 24h)',
      parseDuration
    )
    .option('--metrics <host:port>', 'serve figures for Prometheus there, over plain HTTP')
    .option(
      '--audit-archive <file>',
      'where older lines of the audit go, FILE.NUMBER (default: DIR/audit, unless the store is a PostgreSQL)'
    )
    .option('--json', 'write what happens as JSON lines on standard error')
    .action(serve)
}

async function init(directory: string, options: InitFlags): Promise<void> {
  const { initAuthority } = await import('../../../index.ts')
  const passphrase = await newPassphrase(options)
  await initAuthority(directory, { org: options.org, store: options.store, passphrase })
  passphrase?.fill(0)
  say(`made the authority of ${options.org}; hand out ${join(directory, 'root.crt')}`)
}

async function serve(options: ServeFlags): Promise<void> {
  const { authorityAt, parseHostPort, serveAuthority } = await import('../../../index.ts')
  const passphrase = passphraseSource(options, 'passphrase of the issuing CA')
  const { authority, refresh } = await authorityAt(options.dir, { passphrase })
  const address = addressOf(parseHostPort(options.listen, DEFAULT_AUTH_PORT), options.host)
  const lives = { ...(options.ttl && { ttl: options.ttl }), ...(options.listLife && { listLife: options.listLife }) }
  const figures = options.metrics === undefined ? undefined : parseHostPort(options.metrics, DEFAULT_METRICS_PORT)
  const metrics = figures && { metrics: { host: figures.host ?? '127.0.0.1', port: figures.port } }
  const logger = options.json ? logEvent : sayEvent
  const run = (store: AuthStore) =>
    interruptible(async signal => {
      if (options.interactive) await (await import('./interactive.ts')).addUsersAtTerminal(store)
      const file = options.auditArchive ?? (store.shared ? undefined : join(options.dir, 'audit'))
      const parts = { ...address, ...lives, ...metrics, ...(file !== undefined && { archive: { file } }) }
      const server = await serveAuthority({ authority, refresh, store, logger, ...parts })
      say(`auth server of ${authority.org} listening on ${server.url}`)
      if (server.metricsUrl !== undefined) say(`metrics at ${server.metricsUrl}`)
      const stopped = await interruption(signal)
      await server.close()
      throw stopped
    })
  await withStore(options, run, 'server')
}

/** Where to listen, and by which names clients reach it. */
function addressOf({ host, port }: { host?: string | undefined; port: number }, names: string[] | undefined) {
  const hosts = names ?? (host === undefined ? [hostname(), 'localhost', '127.0.0.1'] : [host])
  return { host: host ?? '0.0.0.0', port, hosts }
}

/** One object a line, for a collector of logs. */
function logEvent(event: AuthEvent): void {
  const time = new Date().toISOString()
  const fields = event.type === 'fault' ? { type: event.type, error: messageOf(event.error) } : event
  process.stderr.write(`${JSON.stringify({ time, ...fields })}\n`)
}

function sayEvent(event: AuthEvent): void {
  if (event.type === 'login') say(`login of ${event.name} from ${event.source}: ${event.result}`)
  else if (event.type === 'renewal')
    say(`renewal of ${event.name ?? 'a stranger'} from ${event.source}: ${event.result}`)
  else if (event.type === 'enrolment')
    say(`enrolment of ${event.name ?? 'a stranger'} from ${event.source}: ${event.result}`)
  else if (event.type === 'clock') say(`the clock was set by ${event.stepped / 1000} s, or the machine slept`)
  else say(`fault: ${messageOf(event.error)}`)
}
