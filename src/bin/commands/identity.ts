import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { fetchNow } from '../keep-current.ts'
import { type EnrolFlags, keepIdentity, passwordLogin, readTrust, reusableIdentity } from '../login.ts'
import {
  newPassphrase,
  type PassphraseOptions,
  type PasswordOptions,
  passphraseSource,
  withPassphrase,
  withPassword
} from '../options.ts'
import { print, readSecret, say } from '../terminal.ts'

interface InitOptions extends PassphraseOptions {
  name?: string
  passphrase: boolean
}

interface LoginFlags extends InitOptions, PasswordOptions, EnrolFlags {
  tokenFile?: string
}

/** `sft init`, `sft login`, `sft renew`, `sft whoami`. */
export function registerIdentity(program: Command): void {
  withPassphrase(program.command('init'))
    .description('make an organisation of one on this machine, so that the pipe works at once')
    .option('--name <name>', 'your name in it (default: your login name)')
    .option('--no-passphrase', 'store the key in the clear')
    .action(init)
  withPassword(withPassphrase(program.command('login')))
    .description('get a certificate from the auth server')
    .argument('[name]', 'your user name; a token has it')
    .requiredOption('--auth <url>', 'address of the auth server, https://HOST:PORT')
    .option('--ca <file>', "the organisation's root certificate")
    .option('--ca-fingerprint <hex>', 'SHA-256 of it, to fetch it from the server')
    .option('--token-file <file>', 'an enrolment token in the place of a password (sft auth token makes one)')
    .option('--no-passphrase', 'store the key in the clear')
    .option('--new-key', 'make a new key, even if there is one')
    .option('--force', 'replace an identity of another name or organisation')
    .action(login)
  withPassphrase(program.command('renew'))
    .description('get a new certificate for your key, without a password')
    .option('--if-due', 'only when two thirds of its life are over')
    .action(renew)
  program
    .command('whoami')
    .description('say who you are here')
    .option('--json', 'as one JSON object')
    .option('--cert', 'print the certificate chain, to hand to peers')
    .action(whoami)
}

async function init(options: InitOptions): Promise<void> {
  const { dataDirectory, initEmbedded } = await import('../../index.ts')
  const passphrase = await newPassphrase(options)
  const identity = await initEmbedded(dataDirectory(process.env), { name: options.name ?? loginName(), passphrase })
  passphrase?.fill(0)
  say(`you are ${identity.name} in ${identity.org}, an organisation of one on this machine`)
}

/** The login name of the system, as far as it makes a user name. */
function loginName(): string {
  const name = userInfo()
    .username.toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
    .slice(0, 32)
  return /^[a-z0-9]/.test(name) ? name : 'me'
}

async function login(given: string | undefined, options: LoginFlags): Promise<void> {
  const sft = await import('../../index.ts')
  const token = await readToken(options)
  const name = given ?? (token === undefined ? undefined : await sft.nameInToken(token))
  if (name === undefined) throw new sft.SftError('ERR_SFT_USAGE', 'the user name is missing')
  const trust = await readTrust(options)
  const current = await reusableIdentity(name, options)
  const passphrase = current ? undefined : await newPassphrase(options)
  const key = current && { privateKey: current.privateKey, publicKey: current.publicKey }
  const request = { url: options.auth, trust, key }
  const identity = await (token === undefined ? passwordLogin(name, request, options) : sft.enrol(token, request))
  if (identity.name !== name) throw new sft.SftError('ERR_SFT_CERT_NAME', `the token is for ${identity.name}`)
  await keepIdentity(identity, { current, passphrase, options })
  passphrase?.fill(0)
  say(`you are ${identity.name} in ${identity.org}, certified until ${sft.expiryOf(identity).toISOString()}`)
}

async function readToken({ tokenFile: file }: LoginFlags): Promise<string | undefined> {
  if (file === undefined) return undefined
  const token = await readSecret({ file, variable: 'SFT_TOKEN_FILE', credential: 'sft-token', prompt: 'token' })
  return token?.toString('utf8').trim()
}

async function renew(options: PassphraseOptions & { ifDue?: boolean }): Promise<void> {
  const sft = await import('../../index.ts')
  const directory = sft.dataDirectory(process.env)
  const origin = await sft.readOrigin(directory)
  if (origin?.embedded) return say('an organisation of one renews itself')
  const identity = await sft.loadIdentity(directory, { passphrase: passphraseSource(options), allowExpired: true })
  if (options.ifDue && !sft.isDue(identity)) return
  if (origin?.authUrl === undefined) {
    const hint = `sft login ${identity.name} --auth URL`
    throw new sft.SftError('ERR_SFT_NO_IDENTITY', 'the identity here names no auth server', { hint })
  }
  const renewed = await sft.renew(identity, { url: origin.authUrl })
  await sft.replaceChain(directory, renewed)
  await fetchNow(renewed, origin.authUrl)
  say(`you are ${renewed.name} in ${renewed.org}, certified until ${sft.expiryOf(renewed).toISOString()}`)
}

async function whoami(options: { json?: boolean; cert?: boolean }): Promise<void> {
  const { dataDirectory, encodeCertificates, expiryOf, ownList, readPublicIdentity, spkiHash } = await import(
    '../../index.ts'
  )
  const identity = await readPublicIdentity(dataDirectory(process.env))
  const { name, org } = identity
  const key = Buffer.from(spkiHash(identity.publicKey)).toString('hex')
  const notAfter = expiryOf(identity).toISOString()
  const list = ownList(identity)?.list
  const revocationList = list && { asOf: list.thisUpdate.toISOString(), until: list.nextUpdate.toISOString() }
  const known = revocationList ? `revocation list of ${revocationList.asOf}, good until ${revocationList.until}\n` : ''
  if (options.cert) await print(encodeCertificates(identity.chain))
  else if (options.json) await print(`${JSON.stringify({ name, org, key, notAfter, revocationList })}\n`)
  else await print(`${name} in ${org}\nkey ${key}\ncertified until ${notAfter}\n${known}`)
}
