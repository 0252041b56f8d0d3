import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { takeLock } from '../identity/lock-file.ts'
import { makePrivateDirectory, readPrivate, replacePrivate } from '../identity/private-file.ts'
import type { PasswordHasher } from '../server/password.ts'
import { parseAlias } from './alias.ts'

/** Who may log in to a classic auth server: a file of its own, passwords as argon2id (M145). */

export interface ClassicUsers {
  /** The password of an alias as a PHC string; `undefined` for nobody. */
  passwordOf(alias: string): Promise<string | undefined>
  /** @throws SftError ERR_SFT_EXISTS, ERR_SFT_USAGE for what is no alias, ERR_SFT_FILE, ERR_SFT_BUSY. */
  add(alias: string, hash: string): Promise<void>
}

const FILE = 'users.json'

/** The users in the directory of a classic authority; each call reads what is there now. */
export function classicUsers(directory: string): ClassicUsers {
  const path = join(directory, FILE)
  return {
    passwordOf: async alias => (await readUsers(path)).get(alias),
    async add(alias, hash) {
      parseAlias(alias)
      await makePrivateDirectory(directory)
      const lock = `${path}.lock`
      await takeLock(lock, 'another process changes the users')
      try {
        const users = await readUsers(path)
        if (users.has(alias)) throw new SftError('ERR_SFT_EXISTS', 'this alias exists already')
        const all = Object.fromEntries(users.set(alias, hash))
        await replacePrivate(path, `${JSON.stringify({ version: 1, users: all })}\n`)
      } finally {
        await rm(lock, { force: true })
      }
    }
  }
}

const DEMO = [
  ['user1', 'password1'],
  ['user2', 'password2']
] as const

/** The users of the published system beside those of a store: in memory only, for whoever asked for them. */
export async function withDemoUsers(users: ClassicUsers, hasher: PasswordHasher): Promise<ClassicUsers> {
  const hashes = new Map<string, string>()
  for (const [alias, password] of DEMO) hashes.set(alias, await hasher.hash(Buffer.from(password)))
  return {
    passwordOf: async alias => (await users.passwordOf(alias)) ?? hashes.get(alias),
    add: (alias, hash) => users.add(alias, hash)
  }
}

async function readUsers(path: string): Promise<Map<string, string>> {
  const text = await readPrivate(path)
  if (text === undefined) return new Map()
  try {
    const { version, users } = JSON.parse(text) as { version: unknown; users: Record<string, string> }
    if (version === 1) return new Map(Object.entries(users))
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', `${FILE} is malformed`, { cause })
  }
  throw new SftError('ERR_SFT_FILE', `${FILE} is of another version`)
}
