import { hostname, userInfo } from 'node:os'
import type { Command } from 'commander'
import type { AuthStore } from '../../../index.ts'
import { say } from '../../terminal.ts'

export interface StoreFlags {
  dir: string
}

export function withAuthority(command: Command): Command {
  return command.requiredOption('--dir <dir>', "the authority's directory")
}

/** Works on the store of an authority, whether its server runs or not: the databases keep the two apart. */
export async function withStore<T>(
  { dir }: StoreFlags,
  work: (store: AuthStore) => Promise<T>,
  role: 'admin' | 'server' = 'admin'
): Promise<T> {
  const { describeAuthority, openStore } = await import('../../../index.ts')
  const { store: place } = await describeAuthority(dir)
  const actor = actorOf(role)
  await using store = await openStore(place, { actor, onError: error => say(`store: ${error.message}`) })
  return await work(store)
}

/** Who the audit says it was. */
export function actorOf(role: 'admin' | 'server'): string {
  return `${role} ${userInfo().username}@${hostname()}`
}
