import type { Command } from 'commander'
import type { AuthStore, User } from '../../../index.ts'
import { type PasswordOptions, readPassword, withPassword } from '../../options.ts'
import { print } from '../../terminal.ts'
import { type DoneFlags, sayDone, withAuthority, withJson, withStore } from './store.ts'

type PasswordFlags = DoneFlags & PasswordOptions

/** `sft auth user …`: who may log in. */
export function registerUsers(auth: Command): void {
  const user = auth.command('user').description('who may log in')
  const named = (name: string) => withJson(withAuthority(user.command(name).argument('<name>')))
  withPassword(named('add')).description('add a user').action(add)
  withAuthority(user.command('list')).description('list them').option('--json', 'as JSON lines').action(list)
  named('disable')
    .description('stop logins, and put the certificates on the revocation list until the user is enabled')
    .action(disable)
  named('enable').description('allow logins again').action(enable)
  withPassword(named('passwd')).description('set a new password').action(setPassword)
  named('remove').description('forget a user and revoke the certificates').action(remove)
}

async function add(name: string, options: PasswordFlags): Promise<void> {
  await withStore(options, async ({ users }) => {
    await users.add(name, await newPassword(name, options))
  })
  await sayDone(options, `added ${name}`, { done: 'user.add', name })
}

async function setPassword(name: string, options: PasswordFlags): Promise<void> {
  await withStore(options, async ({ users }) => {
    await requireUser(users, name)
    await users.setPassword(name, await newPassword(name, options))
  })
  await sayDone(options, `${name} has a new password`, { done: 'user.password', name })
}

async function list(options: DoneFlags): Promise<void> {
  const users = await withStore(options, store => store.users.list())
  const lines = users.map(options.json ? inJson : inWords)
  await print(lines.map(line => `${line}\n`).join(''))
}

async function disable(name: string, options: DoneFlags): Promise<void> {
  await withStore(options, ({ users }) => users.setDisabled(name, true))
  await sayDone(options, `disabled ${name}; the certificates are on hold`, { done: 'user.disable', name })
}

async function enable(name: string, options: DoneFlags): Promise<void> {
  await withStore(options, ({ users }) => users.setDisabled(name, false))
  await sayDone(options, `enabled ${name}`, { done: 'user.enable', name })
}

async function remove(name: string, options: DoneFlags): Promise<void> {
  await withStore(options, ({ users }) => users.remove(name))
  await sayDone(options, `removed ${name}; the certificates are revoked`, { done: 'user.remove', name })
}

/** Before anybody is asked for a password that nobody needs. */
async function requireUser(users: AuthStore['users'], name: string): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  if ((await users.get(name)) === undefined) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no such user')
}

async function newPassword(name: string, options: PasswordFlags): Promise<string> {
  const { passwordHasher } = await import('../../../index.ts')
  const password = await readPassword(options, `password for ${name}`, true)
  try {
    return await passwordHasher().hash(password)
  } finally {
    password.fill(0)
  }
}

function inJson({ name, disabled, created }: User): string {
  return JSON.stringify({ name, disabled, created: created.toISOString() })
}

function inWords({ name, disabled, created }: User): string {
  return `${name}  since ${created.toISOString()}${disabled ? ', disabled' : ''}`
}
