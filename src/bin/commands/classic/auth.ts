import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { ClassicAuthEvent, ClassicAuthOptions } from '../../../classic.ts'
import { interruptible, interruption } from '../../interrupt.ts'
import {
  newPassphrase,
  type PassphraseOptions,
  parseCount,
  parseDuration,
  passphraseSource,
  withPassphrase
} from '../../options.ts'
import { messageOf, say } from '../../terminal.ts'
import { placesOf, type StateFlags, withState } from './state.ts'

interface AuthFlags extends StateFlags, PassphraseOptions {
  bind: string
  port: number
  ttl?: number
  demoUsers?: boolean
  interactive?: boolean
  rootCert?: string
  rootKey?: string
  passphrase: boolean
}

/** `sft classic auth`: certifies keys as the classic auth server does. */
export function registerClassicAuth(classic: Command): void {
  withPassphrase(withState(classic.command('auth')))
    .description('run a classic auth server; the first start makes its root')
    .option('--bind <host>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on', parseCount, 12565)
    .option('--ttl <time>', 'life of a certificate, e.g. 10d or 12h', parseDuration)
    .option('--demo-users', 'let user1 and user2 in, whose passwords everybody knows; on loopback only')
    .option('--interactive', 'ask at the terminal for users to add before it serves')
    .option('--root-cert <file>', 'at the first start: the root of a classic system that there is, PEM')
    .option('--root-key <file>', 'its key, PEM or PKCS#1 DER')
    .option('--no-passphrase', 'at the first start: store the key in the clear')
    .action(serve)
}

async function serve(options: AuthFlags): Promise<void> {
  const { classicUsers, openClassicAuthority, serveClassicAuth } = await import('../../../classic.ts')
  const { openAuditLog, passwordHasher } = await import('../../../index.ts')
  await requireHarmless(options)
  const { authority: directory } = await placesOf(options)
  await makeAtFirstStart(directory, options)
  const authority = await openClassicAuthority(directory, passphraseSource(options, 'passphrase of the classic root'))
  await using audit = await openAuditLog(join(directory, 'audit')).catch(aloneHere)
  await using seen = await openSeen(directory, options)
  const users = classicUsers(directory)
  if (options.interactive) await (await import('../auth/interactive.ts')).addUsersAtTerminal({ users })
  const hasher = passwordHasher()
  const { bind: host, port, ttl } = options
  const served = { host, port, ttl, authority, hasher, audit, seen, logger: sayEvent }
  await interruptible(async signal => {
    const server = await serveClassicAuth({ ...served, users: await withDemo(users, hasher, options) })
    say(`classic auth server, which protects less than sft auth serve, listening on ${server.url}`)
    const stopped = await interruption(signal)
    await server.close()
    throw stopped
  })
}

/** What one server has seen the other does not know: of a recorded login, and of its audit. */
async function aloneHere(cause: unknown): Promise<never> {
  const { SftError } = await import('../../../index.ts')
  if (!SftError.is(cause) || cause.code !== 'ERR_SFT_BUSY') throw cause
  const hint = 'stop it first, or give this one another --state'
  throw new SftError('ERR_SFT_BUSY', 'another sft classic auth runs on this root', { cause, hint })
}

async function openSeen(directory: string, { ttl }: AuthFlags) {
  const { CLASSIC_LIFE, openSeenLogins } = await import('../../../classic.ts')
  return openSeenLogins(join(directory, 'logins'), ttl ?? CLASSIC_LIFE)
}

async function withDemo(
  users: ClassicAuthOptions['users'],
  hasher: NonNullable<ClassicAuthOptions['hasher']>,
  { demoUsers }: AuthFlags
): Promise<ClassicAuthOptions['users']> {
  const { withDemoUsers } = await import('../../../classic.ts')
  return demoUsers ? withDemoUsers(users, hasher) : users
}

/** M145. */
async function requireHarmless({ bind, demoUsers }: AuthFlags): Promise<void> {
  const { isLoopback } = await import('../../../classic.ts')
  if (!demoUsers || isLoopback(bind)) return
  const { SftError } = await import('../../../index.ts')
  throw new SftError('ERR_SFT_USAGE', 'the demo users exist on loopback only')
}

async function makeAtFirstStart(directory: string, options: AuthFlags): Promise<void> {
  const { hasClassicAuthority, initClassicAuthority } = await import('../../../classic.ts')
  const { SftError } = await import('../../../index.ts')
  const { rootCert, rootKey } = options
  if ((rootCert === undefined) !== (rootKey === undefined))
    throw new SftError('ERR_SFT_USAGE', '--root-cert and --root-key belong together')
  if (await hasClassicAuthority(directory)) {
    if (rootCert !== undefined) throw new SftError('ERR_SFT_EXISTS', 'there is a classic root already')
    return
  }
  const adopt = rootCert && rootKey ? { certificate: await read(rootCert), key: await read(rootKey) } : undefined
  const passphrase = await newPassphrase(options)
  const { path } = await initClassicAuthority(directory, { passphrase, adopt })
  passphrase?.fill(0)
  say(`made a classic root; hand out ${path}`)
}

async function read(path: string): Promise<Buffer> {
  const { SftError } = await import('../../../index.ts')
  return readFile(path).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${path}: ${messageOf(cause)}`, { cause })
  })
}

function sayEvent(event: ClassicAuthEvent): void {
  if (event.type === 'fault') say(`fault: ${messageOf(event.error)}`)
  else if (event.alert)
    say(`ALERT: a login of ${event.name} that was recorded came again, from ${event.source}; refused`)
  else say(`login of ${event.name ?? 'a stranger'} from ${event.source}: ${event.result}`)
}
