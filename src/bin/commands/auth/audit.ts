import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { AuthStore } from '../../../index.ts'
import { interruptible } from '../../interrupt.ts'
import { print } from '../../terminal.ts'
import { type StoreFlags, withAuthority, withStore } from './store.ts'

interface AuditFlags extends StoreFlags {
  follow?: boolean
  verify?: boolean
}

/** Milliseconds between two looks for new lines. */
const LOOK_EVERY_MS = 1000

/** `sft auth audit`: what happened at the authority, as JSON lines. */
export function registerAudit(auth: Command): void {
  withAuthority(auth.command('audit'))
    .description(
      'print what happened: logins, certificates, users, lists; JSON lines, each with the hash of the one before'
    )
    .option('--follow', 'go on with what happens, until interrupted')
    .option('--verify', 'look for a line that was changed, cut out or moved, instead of printing them')
    .action(audit)
}

async function audit(options: AuditFlags): Promise<void> {
  const { SftError, writeDescriptor } = await import('../../../index.ts')
  if (options.verify && options.follow) throw new SftError('ERR_SFT_USAGE', 'verify, or follow')
  await withStore(options, async store => {
    if (options.verify) return verify(store)
    await interruptible(signal => writeDescriptor(1, { signal })(lines(store, options.follow === true, signal)))
  })
}

async function verify(store: AuthStore): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  const verdict = await store.audit.verify()
  if (verdict.intact) return print(`${verdict.lines} lines, intact; head ${verdict.head}\n`)
  throw new SftError(
    'ERR_SFT_AUDIT',
    `line ${verdict.at} of the audit: ${verdict.problem}; ${verdict.lines} lines are good`
  )
}

async function* lines(store: AuthStore, follow: boolean, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let after = 0; !signal.aborted; ) {
    const batch = await store.audit.read(after)
    if (batch.length > 0) yield Buffer.from(batch.map(({ line }) => `${line}\n`).join(''))
    after = batch.at(-1)?.seq ?? after
    if (batch.length === 0 && !follow) return
    if (batch.length === 0) await delay(LOOK_EVERY_MS, undefined, { signal })
  }
}
