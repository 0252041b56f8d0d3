import { join } from 'node:path'
import type { Command } from 'commander'

/** Where everything classic is kept, apart from everything native. */

export interface StateFlags {
  state?: string
}

export function withState(command: Command): Command {
  return command.option(
    '--state <dir>',
    'where keys and certificates of the classic system are (default: classic, beside your identity)'
  )
}

export interface Places {
  /** Of an authority. */
  readonly authority: string
  /** Of clients, a directory for each alias. */
  readonly clients: string
}

export async function placesOf({ state }: StateFlags): Promise<Places> {
  const { dataDirectory } = await import('../../../index.ts')
  const base = state ?? join(dataDirectory(process.env), 'classic')
  return { authority: join(base, 'ca'), clients: join(base, 'clients') }
}
