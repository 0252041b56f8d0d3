import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dataDirectory, initEmbedded } from '../src/index.ts'
import type { Children, Command } from './children.ts'

/** Users of the benches and of the demo, each by an environment of its own: no command here sees an identity of the caller's. */

const SFT = fileURLToPath(new URL('../src/bin/sft.js', import.meta.url))

/** What tells a program whose identity it uses. */
export type UserEnvironment = Readonly<Record<string, string>>

/** Our command as a user runs it. */
export function sftCommand(env: UserEnvironment, ...args: readonly string[]): Command {
  return { argv: [process.execPath, SFT, ...args], env }
}

/** An organisation of one, who sends to oneself. */
export async function embeddedUser(directory: string, name: string): Promise<UserEnvironment> {
  const env = { XDG_DATA_HOME: directory }
  await initEmbedded(dataDirectory(env), { name })
  return env
}

export interface Organisation {
  readonly name: string
  /** Where the authority was while users logged in. */
  readonly url: string
  /** The environments of users, by name. */
  readonly users: Readonly<Record<string, UserEnvironment>>
}

/** Makes an organisation below `directory` with the command itself: an authority, users, and their logins at its server, which is gone then. */
export async function organisation(
  children: Children,
  directory: string,
  name: string,
  names: readonly string[]
): Promise<Organisation> {
  const place = join(directory, 'authority')
  const [authority, ca] = [home(place), join(place, 'ca')]
  const password = (user: string) => ['--password-file', join(place, `password.${user}`)]
  await mkdir(place)
  await children.run(sftCommand(authority, 'auth', 'init', ca, '--org', name, '--no-passphrase'))
  for (const user of names) {
    await writeFile(join(place, `password.${user}`), randomBytes(18).toString('base64url'), { mode: 0o600 })
    await children.run(sftCommand(authority, 'auth', 'user', 'add', user, '--dir', ca, ...password(user)))
  }
  const server = children.start(sftCommand(authority, 'auth', 'serve', '--dir', ca, '--listen', '127.0.0.1:0'))
  const [, url = ''] = await server.ready(/listening on (https:\S+)/)
  const trust = ['--auth', url, '--ca', join(ca, 'root.crt'), '--no-passphrase']
  const users = Object.fromEntries(names.map(user => [user, home(join(directory, user))]))
  for (const [user, env] of Object.entries(users)) {
    await children.run(sftCommand(env, 'login', user, ...trust, ...password(user)))
  }
  await server.stop()
  return { name, url, users }
}

function home(directory: string): UserEnvironment {
  return { HOME: directory, XDG_DATA_HOME: join(directory, 'data') }
}
