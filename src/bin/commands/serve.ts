import type { Command } from 'commander'
import type { AuditLog, TransferEvent } from '../../index.ts'
import { type AuditFlags, withAudit, withAuditLog } from '../audited.ts'
import { type AnnounceFlags, announcer } from '../directory.ts'
import { drainTime, interruptible, interruption } from '../interrupt.ts'
import { withJson } from '../json-flags.ts'
import { sayEvent } from '../listener-news.ts'
import { type EngineFlags, openEngine, sayListening, withAnnounce, withEngine } from '../options.ts'
import { type PolicyFlags, policyOf, withPolicy } from '../policy.ts'
import { type ProgressFlags, withProgress } from '../progress.ts'
import { withStats } from '../stats.ts'
import { withUnderWay } from '../under-way.ts'

interface ServeFlags extends EngineFlags, AnnounceFlags, AuditFlags, PolicyFlags, ProgressFlags {
  listen: string
  hardlinks?: boolean
}

/** `sft serve DIR`: answers requests for the regular files below it. */
export function registerServe(program: Command): void {
  withJson(withProgress(withAudit(withPolicy(withAnnounce(withEngine(program.command('serve')))))))
    .description('let members of your organisation get the files below a directory')
    .argument('<dir>', 'the directory')
    .option('--listen <host:port>', 'address to listen on', ':12566')
    .option('--hardlinks', 'serve files that have another name somewhere, too')
    .action(serve)
}

async function serve(directory: string, options: ServeFlags): Promise<void> {
  const { parseHostPort } = await import('../../index.ts')
  const address = parseHostPort(options.listen)
  const policy = await policyOf(options)
  await using engine = await openEngine(options)
  const announce = await announcer(engine, 'serve', options)
  const hardLinks = options.hardlinks ?? false
  const run = (audit: AuditLog | undefined, follow: (event: TransferEvent) => void): Promise<void> =>
    interruptible(async signal => {
      const onEvent = (event: TransferEvent): void => {
        follow(event)
        sayEvent(event, options)
      }
      const listener = await engine.serve(directory, { ...address, hardLinks, policy, audit, onEvent })
      sayListening(listener)
      const withdraw = announce(listener)
      const stopped = await interruption(signal)
      await withdraw()
      await listener.close({ drain: drainTime(stopped) })
      throw stopped
    })
  await withStats(engine, options, 'socket', () =>
    withUnderWay(options, follow => withAuditLog(options, audit => run(audit, follow)))
  )
}
