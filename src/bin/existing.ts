import type { Command } from 'commander'
import type { Existing } from '../index.ts'

/** What commands that write files do where the name is taken. */

export interface ExistingFlags {
  force?: boolean
  rename?: boolean
  /** False with `--no-clobber`. */
  clobber?: boolean
}

export function withExisting(command: Command): Command {
  return command
    .option('-f, --force', 'replace what has the name already')
    .option('--rename', 'where a name is taken, take another: "name (1).ext", "name (2).ext" and so on')
    .option('--no-clobber', 'refuse what has a name that is taken (default)')
}

/** @throws SftError ERR_SFT_USAGE for more than one of them. */
export async function existingOf({ force, rename, clobber }: ExistingFlags): Promise<Existing> {
  const { SftError } = await import('../index.ts')
  if ([force === true, rename === true, clobber === false].filter(given => given).length > 1)
    throw new SftError('ERR_SFT_USAGE', 'of --force, --rename and --no-clobber one is enough', {
      hint: '--force replaces, --rename keeps both, --no-clobber refuses'
    })
  if (rename) return 'rename'
  return force ? 'replace' : 'refuse'
}
