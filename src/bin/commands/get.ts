import type { Command } from 'commander'
import { interruptible } from '../interrupt.ts'
import { type EngineFlags, openEngine, sayStats, sayTransfer, withEngine, withStreams } from '../options.ts'

interface GetFlags extends EngineFlags {
  output?: string
  force?: boolean
  streams?: number
}

/** `sft get NAME@HOST:PORT PATH`. */
export function registerGet(program: Command): void {
  withStreams(withEngine(program.command('get')))
    .description('get a file from a peer that runs sft serve')
    .argument('<peer>', 'NAME@HOST:PORT')
    .argument('<path>', 'path below the directory it serves')
    .option('-o, --output <path>', 'FILE, directory, or - for standard output (default: received_<name>)')
    .option('-f, --force', 'replace an existing file')
    .action(get)
}

async function get(address: string, path: string, options: GetFlags): Promise<void> {
  const { receivedName } = await import('../../index.ts')
  await using engine = await openEngine(options)
  const output = options.output === '-' ? 1 : (options.output ?? receivedName(path))
  const { force, streams } = options
  const result = await interruptible(signal => engine.get(address, path, output, { force, streams, signal }))
  sayTransfer('received from', address, path, result, streams)
  sayStats(engine, 'socket')
}
