import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { AuthEvent } from '../../index.ts'
import { interruptible, interruption } from '../interrupt.ts'
import {
  collect,
  newPassphrase,
  type PassphraseOptions,
  parseCount,
  parseDuration,
  passphraseSource,
  withPassphrase
} from '../options.ts'
import { readSecret, say } from '../terminal.ts'

interface InitFlags extends PassphraseOptions {
  org: string
  passphrase: boolean
}

interface ServeFlags extends PassphraseOptions {
  dir: string
  listen: string
  host?: string[]
  ttl?: number
}

interface UserFlags {
  dir: string
  passwordFile?: string
  passwordFd?: number
}

const USERS = 'users.db'
const DEFAULT_AUTH_PORT = 12565

/** `sft auth init|user add|serve`: the one place that says who is who. */
export function registerAuth(program: Command): void {
  const auth = program.command('auth').description("run your organisation's authority")
  withPassphrase(auth.command('init'))
    .description('make root and issuing CA; DIR/root.crt is what members get')
    .argument('<dir>', 'a new directory')
    .option('--org <name>', 'name of the organisation', 'example')
    .option('--no-passphrase', 'store the keys in the clear')
    .action(init)
  const user = auth.command('user').description('who may log in')
  user
    .command('add')
    .description('add a user')
    .argument('<name>')
    .requiredOption('--dir <dir>', "the authority's directory")
    .option('--password-file <file>', 'read the password from a file (or SFT_PASSWORD_FILE)')
    .option('--password-fd <n>', 'read the password from a descriptor', parseCount)
    .action(addUser)
  withPassphrase(auth.command('serve'))
    .description('certify users who log in')
    .requiredOption('--dir <dir>', "the authority's directory")
    .option('--listen <host:port>', 'address to listen on', `:${DEFAULT_AUTH_PORT}`)
    .option(
      '--host <name>',
      'name or address by which clients reach it; repeat for more (default: the host listened on, or this machine)',
      collect
    )
    .option('--ttl <time>', 'life of a certificate, e.g. 10d or 12h', parseDuration)
    .action(serve)
}

async function init(directory: string, options: InitFlags): Promise<void> {
  const { initAuthority } = await import('../../index.ts')
  const passphrase = await newPassphrase(options)
  await initAuthority(directory, { org: options.org, passphrase })
  passphrase?.fill(0)
  say(`made the authority of ${options.org}; hand out ${join(directory, 'root.crt')}`)
}

async function addUser(name: string, options: UserFlags): Promise<void> {
  const { openUserStore, passwordHasher, requireAuthority, SftError } = await import('../../index.ts')
  await requireAuthority(options.dir)
  const password = await readSecret({
    file: options.passwordFile,
    fd: options.passwordFd,
    variable: 'SFT_PASSWORD_FILE',
    credential: 'sft-password',
    prompt: `password for ${name}`,
    confirm: true
  })
  if (!password) {
    const hint = '--password-file, --password-fd, or SFT_PASSWORD_FILE'
    throw new SftError('ERR_SFT_SECRET_UNAVAILABLE', 'a password is needed and there is no terminal', { hint })
  }
  const users = await openUserStore(join(options.dir, USERS))
  try {
    await users.add(name, await passwordHasher().hash(password))
  } finally {
    password.fill(0)
    await users.close()
  }
  say(`added ${name}`)
}

async function serve(options: ServeFlags): Promise<void> {
  const { openAuthority, openUserStore, parseHostPort, serveAuthority } = await import('../../index.ts')
  const passphrase = passphraseSource(options, 'passphrase of the issuing CA')
  const authority = await openAuthority(options.dir, { passphrase })
  const users = await openUserStore(join(options.dir, USERS))
  const { host, port } = parseHostPort(options.listen, DEFAULT_AUTH_PORT)
  const hosts = options.host ?? (host === undefined ? [hostname(), 'localhost', '127.0.0.1'] : [host])
  try {
    await interruptible(async signal => {
      const ttl = options.ttl === undefined ? {} : { ttl: options.ttl }
      const server = await serveAuthority({
        authority,
        users,
        host: host ?? '0.0.0.0',
        port,
        hosts,
        logger: sayEvent,
        ...ttl
      })
      say(`auth server of ${authority.org} listening on ${server.url}`)
      const stopped = await interruption(signal)
      await server.close()
      throw stopped
    })
  } finally {
    await users.close()
  }
}

function sayEvent(event: AuthEvent): void {
  if (event.type === 'login') say(`login of ${event.name} from ${event.source}: ${event.result}`)
  else if (event.type === 'fault')
    say(`fault: ${event.error instanceof Error ? event.error.message : String(event.error)}`)
}
