import type { Command } from 'commander'
import { formatBytes, parseDuration } from '../options.ts'
import { print, say } from '../terminal.ts'

interface GcFlags {
  olderThan?: number
  dryRun?: boolean
  json?: boolean
}

/** `sft gc`: what transfers have left that nobody took up again. */
export function registerGc(program: Command): void {
  program
    .command('gc')
    .description('remove parts of files whose transfers nobody took up again')
    .argument('[directory...]', 'where files were received (default: here)')
    .option(
      '--older-than <time>',
      'how long nothing was written to them, an hour at least (default: 7d)',
      parseDuration
    )
    .option('-n, --dry-run', 'only say what would be removed')
    .option('--json', 'as JSON lines')
    .action(gc)
}

async function gc(directories: string[], options: GcFlags): Promise<void> {
  const { collectLeftovers } = await import('../../index.ts')
  const { olderThan, dryRun, json } = options
  for (const directory of directories.length > 0 ? directories : ['.']) {
    for (const { path, bytes } of await collectLeftovers(directory, { olderThan, dryRun })) {
      if (json) await print(`${JSON.stringify({ path, bytes, removed: dryRun !== true })}\n`)
      else say(`${dryRun ? 'would remove' : 'removed'} ${path}, ${formatBytes(bytes)}`)
    }
  }
}
