import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Known } from '../model.ts'
import type { Commands, Listening } from './commands.ts'
import { LOOPBACK } from './ports.ts'

/** The organisation of a proof: names and passwords of chance, an authority, its server, and two users who log in there. */

/** By whom the commands of the authority are run. */
const ADMINISTRATOR = 'administrator'
const AUTHORITY = 'authority'

export interface Person {
  readonly name: string
  readonly password: string
}

export interface People {
  readonly org: string
  readonly sender: Person
  readonly receiver: Person
}

/** Whom a run is about: names long enough that none of them is in a capture by chance. */
export function inventPeople(): People {
  const person = (name: string): Person => ({
    name: `${name}-${chance()}`,
    password: randomBytes(18).toString('base64url')
  })
  return { org: `proof-${chance()}.example`, sender: person('alice'), receiver: person('bob') }
}

/** 12 characters that no two runs share. */
export function chance(): string {
  return randomBytes(6).toString('hex')
}

/** What must not be seen of them. */
export function textsOf({ org, sender, receiver }: People): NonNullable<Known['texts']> {
  return [
    ...[sender, receiver].map(({ name }) => ({ kind: 'user name', text: name }) as const),
    ...[sender, receiver].map(({ password }) => ({ kind: 'password', text: password }) as const),
    { kind: 'text', text: org }
  ]
}

/** Makes the authority and its users. */
export async function found(commands: Commands, { org, sender, receiver }: People): Promise<void> {
  await commands.run(ADMINISTRATOR, ['auth', 'init', AUTHORITY, '--org', org, '--no-passphrase'])
  for (const { name, password } of [sender, receiver]) {
    await writeFile(join(commands.directory, passwordFile(name)), password, { mode: 0o600 })
    const where = ['--dir', AUTHORITY, '--password-file', passwordFile(name)]
    await commands.run(ADMINISTRATOR, ['auth', 'user', 'add', name, ...where])
  }
}

/** Starts the auth server. */
export function serveAuthority(commands: Commands, port: number): Promise<Listening> {
  return commands.listen(ADMINISTRATOR, ['auth', 'serve', '--dir', AUTHORITY, '--listen', `${LOOPBACK}:${port}`])
}

/** The serials of what it has issued. */
export async function listCertificates(commands: Commands): Promise<string[]> {
  const { stdout } = await commands.run(ADMINISTRATOR, ['auth', 'cert', 'list', '--dir', AUTHORITY, '--json'])
  return stdout
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { serial: string }).serial)
}

/** Both users get a certificate. */
export async function logIn(commands: Commands, { sender, receiver }: People, port: number): Promise<void> {
  const server = ['--auth', `https://${LOOPBACK}:${port}`, '--ca', `${AUTHORITY}/root.crt`, '--no-passphrase']
  for (const { name } of [sender, receiver])
    await commands.run(name, ['login', name, ...server, '--password-file', passwordFile(name)])
}

function passwordFile(name: string): string {
  return `${name}.password`
}

/** Where the private keys of all are once they have logged in, and whose they are. */
export function keyFiles({ sender, receiver }: People): { owner: string; path: string }[] {
  const ofUser = ({ name }: Person) => join('home', name, 'data', 'sft', 'identity', 'key.pem')
  return [
    { owner: 'the sender', path: ofUser(sender) },
    { owner: 'the receiver', path: ofUser(receiver) },
    { owner: 'the issuing CA', path: join(AUTHORITY, 'issuing.key') },
    { owner: 'the root', path: join(AUTHORITY, 'root.key') }
  ]
}
