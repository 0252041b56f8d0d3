import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { AuthStore } from '../../../index.ts'
import { interruptible } from '../../interrupt.ts'
import { parseCount } from '../../options.ts'
import { say } from '../../terminal.ts'
import { sayIntact } from '../audit.ts'
import { type DoneFlags, sayDone, withAuthority, withStore } from './store.ts'

interface AuditFlags extends DoneFlags {
  follow?: boolean
  verify?: boolean
  archive?: string
  keep?: number
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
    .option('--archive <file>', 'put older lines into FILE.NUMBER, which `sft audit FILE` checks, and forget them here')
    .option('--json', 'print the result of --verify or --archive as one JSON object')
    .option('--keep <lines>', 'how many of the latest stay then', parseCount, 100_000)
    .action(audit)
}

async function audit(options: AuditFlags): Promise<void> {
  const { SftError, writeDescriptor } = await import('../../../index.ts')
  const { verify: check, follow, archive } = options
  if ([check, follow, archive].filter(Boolean).length > 1)
    throw new SftError('ERR_SFT_USAGE', 'verify, follow, or archive')
  await withStore(options, async store => {
    if (archive !== undefined) return archiveLines(store, archive, options)
    if (check) return verify(store, options)
    if (!options.follow && (await store.audit.read(0)).length === 0)
      say('nothing has happened yet: sft auth serve, and what sft auth changes, writes here')
    await interruptible(signal => writeDescriptor(1, { signal })(lines(store, options.follow === true, signal)))
  })
}

async function archiveLines(store: AuthStore, file: string, options: AuditFlags): Promise<void> {
  const { archiveAudit } = await import('../../../index.ts')
  const lines = await archiveAudit(store, { file, keep: options.keep })
  const sentence = lines === 0 ? 'nothing to archive' : `archived ${lines} lines; the audit begins with those that stay`
  await sayDone(options, sentence, { done: 'audit.archive', file, lines })
}

async function verify(store: AuthStore, { json }: AuditFlags): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  const verdict = await store.audit.verify()
  if (verdict.intact) return sayIntact(verdict, json)
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
