import { hostname, userInfo } from 'node:os'
import type { Command } from 'commander'
import type { AuthStore } from '../../../index.ts'
import { print, say } from '../../terminal.ts'

export interface StoreFlags {
  dir: string
}

/** Of commands that do something and then say so. */
export interface DoneFlags extends StoreFlags {
  json?: boolean
}

export function withAuthority(command: Command): Command {
  return command.requiredOption('--dir <dir>', "the authority's directory")
}

export function withJson(command: Command): Command {
  return command.option('--json', 'say what was done as one JSON object on standard output')
}

/** Says what was done: a sentence for people, or the fields for programs. */
export async function sayDone({ json }: { json?: boolean }, sentence: string, fields: object): Promise<void> {
  if (json) await print(`${JSON.stringify(fields)}\n`)
  else say(sentence)
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
