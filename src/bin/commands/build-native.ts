import type { Command } from 'commander'
import { print } from '../terminal.ts'

/** `sft build-native`: compiles the optional in-place cipher, and prints where it is. */
export function registerBuildNative(program: Command): void {
  program
    .command('build-native')
    .description('compile the faster in-place cipher for this machine; sft works without it')
    .action(build)
}

async function build(): Promise<void> {
  const { buildNative, SftError } = await import('../../index.ts')
  const result = await buildNative()
  if ('file' in result) return print(`${result.file}\n`)
  const { problem, hint, disk } = result
  throw new SftError(disk ? 'ERR_SFT_FILE' : 'ERR_SFT_USAGE', problem, { hint })
}
