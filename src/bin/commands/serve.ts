import type { Command } from 'commander'
import { type AnnounceFlags, announcer } from '../directory.ts'
import { drainTime, interruptible, interruption } from '../interrupt.ts'
import {
  type EngineFlags,
  openEngine,
  sayFault,
  sayListening,
  sayStats,
  sayTransfer,
  withAnnounce,
  withEngine
} from '../options.ts'
import { type PolicyFlags, policyOf, sayDenied, withPolicy } from '../policy.ts'

interface ServeFlags extends EngineFlags, AnnounceFlags, PolicyFlags {
  listen: string
  hardlinks?: boolean
}

/** `sft serve DIR`: answers requests for the regular files below it. */
export function registerServe(program: Command): void {
  withPolicy(withAnnounce(withEngine(program.command('serve'))))
    .description('let members of your organisation get the files below a directory')
    .argument('<dir>', 'the directory')
    .option('--listen <host:port>', 'address to listen on', ':12566')
    .option('--hardlinks', 'serve files that have another name somewhere, too')
    .action(serve)
}

async function serve(directory: string, options: ServeFlags): Promise<void> {
  const { parseHostPort } = await import('../../index.ts')
  const policy = await policyOf(options)
  await using engine = await openEngine(options)
  const announce = await announcer(engine, 'serve', options)
  await interruptible(async signal => {
    const listener = await engine.serve(directory, {
      ...parseHostPort(options.listen),
      hardLinks: options.hardlinks ?? false,
      policy,
      onEvent: event => {
        if (event.type === 'fault') sayFault(event.peer, event.error)
        else if (event.type === 'denied') sayDenied(event)
        else sayTransfer('sent to', event.peer, event.metadata.name, event)
      }
    })
    sayListening(listener)
    const withdraw = announce(listener)
    const stopped = await interruption(signal)
    await withdraw()
    await listener.close({ drain: drainTime(stopped) })
    sayStats(engine, 'socket')
    throw stopped
  })
}
