import type { Command } from 'commander'
import type { ClassicIdentity, ClassicServeEvent } from '../../../classic.ts'
import type { AuditLog } from '../../../index.ts'
import { type AuditFlags, withAudit, withAuditLog } from '../../audited.ts'
import { interruptible, interruption } from '../../interrupt.ts'
import {
  bandwidthLimit,
  collect,
  type PassphraseOptions,
  parseCount,
  passphraseSource,
  sayListening,
  withPassphrase
} from '../../options.ts'
import { messageOf, say } from '../../terminal.ts'
import { placesOf, type StateFlags, withState } from './state.ts'

interface ServeFlags extends StateFlags, PassphraseOptions, AuditFlags {
  port: number
  bind: string
  to?: string[]
  alias?: string
  threads?: number
  bwlimit?: number
}

/** `sft classic serve DIR`: what a classic client that listens does, confined to a directory. */
export function registerClassicServe(classic: Command): void {
  withAudit(withPassphrase(withState(classic.command('serve'))))
    .description('let classic clients, theirs or ours, get the regular files below a directory')
    .argument('<dir>', 'the directory')
    .requiredOption('--port <n>', 'port to listen on', parseCount)
    .option('--bind <host>', 'address to listen on', '127.0.0.1')
    .option('--to <alias>', 'who gets something; repeat for more (default: whoever has a certificate)', collect)
    .option('--alias <name>', 'as whom to serve, where there is more than one classic identity')
    .addOption(bandwidthLimit())
    .option('--threads <n>', 'worker threads; 0 works in the main thread (default: one a processor)', parseCount)
    .action(serve)
}

async function serve(directory: string, options: ServeFlags): Promise<void> {
  const { createClassicPool, loadClassicIdentity, serveClassic } = await import('../../../classic.ts')
  const { clients } = await placesOf(options)
  const identity = await loadClassicIdentity(clients, { alias: options.alias, passphrase: passphraseSource(options) })
  using current = kept(clients, identity)
  const { bind: host, port, to, threads, bwlimit } = options
  await using pool = createClassicPool({ threads })
  const run = (audit: AuditLog | undefined): Promise<void> =>
    interruptible(async signal => {
      const served = { identity: current.identity, pool, directory, host, port, to, bwlimit, audit }
      const listener = await serveClassic({ ...served, onEvent: sayServed })
      sayListening(listener)
      const stopped = await interruption(signal)
      await listener.close()
      throw stopped
    })
  await withAuditLog(options, run)
}

/** ms between two looks whether a login has left a new certificate. */
const LOOK_MS = 60_000

/** The identity as it is now, while others log in for it: `sft classic login`. */
function kept(clients: string, first: ClassicIdentity): { identity: () => ClassicIdentity } & Disposable {
  let identity = first
  const look = async (): Promise<void> => {
    const { withCurrentCertificate } = await import('../../../classic.ts')
    identity = await withCurrentCertificate(clients, identity)
  }
  const timer = setInterval(() => look().catch(error => say(`new certificate: ${messageOf(error)}`)), LOOK_MS).unref()
  return { identity: () => identity, [Symbol.dispose]: () => clearInterval(timer) }
}

/** One line of news of a classic server. */
export function sayServed(event: ClassicServeEvent): void {
  const who = `whoever showed the certificate of ${event.type === 'fault' ? (event.alias ?? 'nobody') : event.alias}`
  if (event.type === 'transfer') say(`sent ${event.path}, ${event.bytes} bytes, to ${who}`)
  else if (event.type === 'denied') say(`denied: ${event.path ?? 'what is no name'}, to ${who}`)
  else if (event.type === 'replay') say(`ALERT: a request that was recorded came again, from ${who}; refused`)
  else say(`failed: ${messageOf(event.error)}, with ${who}`)
}
