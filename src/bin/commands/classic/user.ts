import type { Command } from 'commander'
import { type PasswordOptions, readPassword, withPassword } from '../../options.ts'
import { say } from '../../terminal.ts'
import { placesOf, type StateFlags, withState } from './state.ts'

/** `sft classic user add`: who may log in, whether the server runs or not. */
export function registerClassicUsers(classic: Command): void {
  const user = classic.command('user').description('who may log in to the classic auth server')
  withPassword(withState(user.command('add').argument('<alias>')))
    .description('add a user')
    .action(add)
}

async function add(alias: string, options: StateFlags & PasswordOptions): Promise<void> {
  const { classicUsers, hasClassicAuthority, parseAlias } = await import('../../../classic.ts')
  const { passwordHasher } = await import('../../../index.ts')
  const { authority } = await placesOf(options)
  const password = await readPassword(options, `password for ${parseAlias(alias)}`, true)
  try {
    await classicUsers(authority).add(alias, await passwordHasher().hash(password))
  } finally {
    password.fill(0)
  }
  say(`added ${alias}`)
  if (!(await hasClassicAuthority(authority))) say('there is no classic root yet; the first sft classic auth makes one')
}
