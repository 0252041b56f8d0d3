import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { FilterOptions, OmittedEvent, TreeOptions } from '../index.ts'
import { collect } from './options.ts'
import { messageOf, say } from './terminal.ts'

/** What commands that move directories share. */

export interface TreeFlags {
  recursive?: boolean
  exclude?: string[]
  include?: string[]
  filesFrom?: string
  null?: boolean
}

export function withTree(command: Command): Command {
  return command
    .option('-r, --recursive', 'a directory, with all that is in it')
    .option('--exclude <glob>', 'with -r: leave out what matches, and all below it; repeat for more', collect)
    .option('--include <glob>', 'with -r: of files and links, only what matches; repeat for more', collect)
    .option('--files-from <file>', 'with -r: only the paths in this list, a line each; - is standard input')
    .option('-0, --null', 'with --files-from: paths end in a zero byte, not in a line end')
}

/** Which entries; nothing without `-r`. @throws SftError ERR_SFT_USAGE, ERR_SFT_NOT_FOUND for a list that can not be read. */
export async function treeFilter(flags: TreeFlags): Promise<FilterOptions | undefined> {
  const { recursive, exclude, include, filesFrom } = flags
  const { SftError } = await import('../index.ts')
  if (!recursive && [exclude, include, filesFrom, flags.null].some(each => each !== undefined))
    throw new SftError('ERR_SFT_USAGE', '--exclude, --include, --files-from and -0 belong to -r')
  if (!recursive) return undefined
  if (flags.null && filesFrom === undefined) throw new SftError('ERR_SFT_USAGE', '-0 belongs to --files-from')
  return { exclude, include, files: filesFrom === undefined ? undefined : await readList(filesFrom, flags.null) }
}

/** The same for what is sent from here: what has to be left out is said, a line each. */
export async function treeOptions(flags: TreeFlags): Promise<TreeOptions | undefined> {
  const filter = await treeFilter(flags)
  return filter && { ...filter, onOmitted: (path, why) => say(`left out: ${path}: ${why}`) }
}

/** What of a directory that a peer has asked for stays here. */
export function sayOmitted({ peer, name, path, why }: OmittedEvent): void {
  say(`left out for ${peer}: ${name === undefined || name === '.' ? '' : `${name}/`}${path}: ${why}`)
}

/**
 * @param sender who has been told what it is, if that is not who reads this
 * @throws SftError ERR_SFT_PARTIAL when something of a directory had to be left out
 */
export async function requireWhole(omitted = 0, sender?: string): Promise<void> {
  if (omitted === 0) return
  const { SftError } = await import('../index.ts')
  const what = omitted === 1 ? '1 entry was' : `${omitted} entries were`
  const hint = sender === undefined ? {} : { hint: `${sender} was told which` }
  throw new SftError('ERR_SFT_PARTIAL', `${what} left out; the rest is complete`, hint)
}

async function readList(file: string, zeros = false): Promise<string[]> {
  try {
    const text = readFileSync(file === '-' ? 0 : file, 'utf8')
    return text.split(zeros ? '\0' : /\r?\n/).filter(line => line !== '')
  } catch (cause) {
    const { SftError } = await import('../index.ts')
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read the list ${file}: ${messageOf(cause)}`, { cause })
  }
}
