import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { ClassicIdentity } from '../../../classic.ts'
import {
  newPassphrase,
  type PassphraseOptions,
  type PasswordOptions,
  passphraseSource,
  readPassword,
  withPassphrase,
  withPassword
} from '../../options.ts'
import { messageOf, say } from '../../terminal.ts'
import { placesOf, type StateFlags, withState } from './state.ts'

export interface LoginFlags extends StateFlags, PassphraseOptions, PasswordOptions {
  auth: string
  ca?: string
  passphrase: boolean
}

export function withLogin(command: Command): Command {
  return withPassword(withPassphrase(withState(command)))
    .option('--auth <url>', 'the classic auth server', 'http://localhost:12565')
    .option('--ca <file>', 'its root certificate; needed at the first login')
    .option('--no-passphrase', 'at the first login: store the key in the clear')
}

/** `sft classic login ALIAS`: a certificate from a classic auth server, theirs or ours. */
export function registerClassicLogin(classic: Command): void {
  withLogin(classic.command('login').argument('<alias>'))
    .description('get a certificate from a classic auth server')
    .action(async (alias: string, options: LoginFlags) => {
      const { certificate } = await logIn(alias, options)
      say(`logged in as ${alias}, until ${certificate.validToDate.toISOString()}`)
    })
}

/** Logs in with the key of the alias, which the first login makes. */
export async function logIn(alias: string, options: LoginFlags): Promise<ClassicIdentity> {
  const { classicKey, classicLogin, keepClassicCertificate, parseAlias } = await import('../../../classic.ts')
  const { clients } = await placesOf(options)
  const root = await rootFor(parseAlias(alias), clients, options)
  const password = await readPassword(options, `password of ${alias}`)
  try {
    const fresh = passphraseOnce(options)
    const key = await classicKey(clients, alias, { passphrase: passphraseSource(options), newPassphrase: fresh.source })
    fresh.forget()
    const identity = await classicLogin({ url: options.auth, alias, password, key, root })
    await keepClassicCertificate(clients, identity)
    return identity
  } finally {
    password.fill(0)
  }
}

/** A new passphrase, and how it is zeroed. */
function passphraseOnce(options: LoginFlags): { source: () => Promise<Buffer | undefined>; forget: () => void } {
  let passphrase: Buffer | undefined
  return {
    source: async () => {
      passphrase = await newPassphrase(options)
      return passphrase
    },
    forget: () => passphrase?.fill(0)
  }
}

async function rootFor(alias: string, clients: string, { ca }: LoginFlags) {
  const { classicRootOf, parseClassicRoot } = await import('../../../classic.ts')
  const { SftError } = await import('../../../index.ts')
  const pinned = await classicRootOf(clients, alias)
  if (ca === undefined) {
    if (pinned) return pinned
    throw new SftError('ERR_SFT_USAGE', 'the root of the classic system is not known yet', { hint: '--ca root.crt' })
  }
  const pem = await readFile(ca).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${ca}: ${messageOf(cause)}`, { cause })
  })
  const given = parseClassicRoot(pem)
  if (pinned && pinned.fingerprint256 !== given.fingerprint256)
    throw new SftError('ERR_SFT_CERT_UNTRUSTED', 'another root is pinned for this alias')
  return given
}
