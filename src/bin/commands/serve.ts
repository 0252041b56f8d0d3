import type { Command } from 'commander'
import type { Listener } from '../../index.ts'
import { drainTime, interruptible, interruption } from '../interrupt.ts'
import { type EngineFlags, openEngine, sayStats, sayTransfer, withEngine } from '../options.ts'
import { say } from '../terminal.ts'

interface ServeFlags extends EngineFlags {
  listen: string
  hardlinks?: boolean
}

/** `sft serve DIR`: answers requests for the regular files below it. */
export function registerServe(program: Command): void {
  withEngine(program.command('serve'))
    .description('let members of your organisation get the files below a directory')
    .argument('<dir>', 'the directory')
    .option('--listen <host:port>', 'address to listen on', ':12566')
    .option('--hardlinks', 'serve files that have another name somewhere, too')
    .action(serve)
}

async function serve(directory: string, options: ServeFlags): Promise<void> {
  const { parseHostPort } = await import('../../index.ts')
  await using engine = await openEngine(options)
  await interruptible(async signal => {
    const listener = await engine.serve(directory, {
      ...parseHostPort(options.listen),
      hardLinks: options.hardlinks ?? false,
      onEvent: event => {
        if (event.type === 'fault') sayFault(event.peer, event.error)
        else sayTransfer('sent to', event.peer, event.metadata.name, event)
      }
    })
    sayListening(listener)
    const stopped = await interruption(signal)
    await listener.close({ drain: drainTime(stopped) })
    sayStats(engine, 'socket')
    throw stopped
  })
}

/** The one line that says where we listen, once we do. */
export function sayListening({ host, port }: Listener): void {
  say(`listening on ${host.includes(':') ? `[${host}]` : host}:${port}`)
}

/** A connection that came to nothing. */
export function sayFault(peer: string | undefined, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  say(`connection of ${peer ?? 'a stranger'} failed: ${message}`)
}
