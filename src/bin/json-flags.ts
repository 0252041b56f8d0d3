import type { Command } from 'commander'
import { parseCount } from './options.ts'
import { reader, setReader } from './reader.ts'

/** The options of commands that tell a program what happens (SPEC §8.9). */

export interface JsonFlags {
  json?: boolean
  jsonFd?: number
}

export function withJson(command: Command): Command {
  return command
    .option('--json', 'tell what happens as JSON lines on standard output, and how it ended in the last of them')
    .option(
      '--json-fd <n>',
      'the same to an open descriptor, 1 or more; with 2, standard error has nothing else',
      parseCount
    )
}

/** What main does before such a command. @throws SftError ERR_SFT_USAGE for a descriptor that is not there. */
export async function openReader(command: Command): Promise<void> {
  const { json, jsonFd = json ? 1 : undefined } = command.opts<JsonFlags>()
  const tells = command.options.some(({ long }) => long === '--json-fd')
  if (!tells || jsonFd === undefined) return
  const { openJsonLines } = await import('./json-lines.ts')
  setReader(await openJsonLines(jsonFd, command.name()))
}

/** @throws SftError ERR_SFT_USAGE when the events would go where the data goes */
export async function requireFreeOutput(carriesData: boolean): Promise<void> {
  if (!carriesData || reader()?.descriptor !== 1) return
  setReader(undefined)
  const { SftError } = await import('../index.ts')
  throw new SftError('ERR_SFT_USAGE', 'standard output carries the data, and nothing else beside it', {
    hint: '--json-fd 2, or another open descriptor'
  })
}
