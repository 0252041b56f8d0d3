import type { EnrolOptions, Identity, Origin } from '../../index.ts'
import { freshenLists, sayNotKept } from '../keep-current.ts'
import { type EnrolFlags, keepIdentity, passwordLogin, readTrust, reusableIdentity } from '../login.ts'
import { loadOwnIdentity, newPassphrase, type PasswordOptions } from '../options.ts'
import { askLine, say } from '../terminal.ts'

/** Who one is: as it is stored here, or by alias and password, as in the classic system. */

export interface SignInFlags extends Omit<EnrolFlags, 'auth' | 'newKey' | 'force'>, PasswordOptions {
  auth?: string
  /** False with `--no-passphrase`. */
  passphrase: boolean
  /** Asks even if there is a certificate that is good. */
  login?: boolean
}

/** Passwords that are asked for before it ends. */
const ATTEMPTS = 3

/** @throws SftError ERR_SFT_LOGIN_REFUSED for the third wrong password, and the codes of a login. */
export async function signIn(alias: string | undefined, options: SignInFlags): Promise<Identity> {
  const { dataDirectory, expiryOf, readOrigin } = await import('../../index.ts')
  const origin = await readOrigin(dataDirectory(process.env))
  const stored = await isStored(alias, origin, options)
  const identity = stored ? await loadOwnIdentity(options) : await logIn(alias, origin, options)
  say(`you are ${identity.name} in ${identity.org}, certified until ${expiryOf(identity).toISOString()}`)
  return identity
}

/** Whether what is here will do. */
async function isStored(
  alias: string | undefined,
  origin: Origin | undefined,
  { login }: SignInFlags
): Promise<boolean> {
  if (login || origin === undefined || (alias !== undefined && alias !== origin.name)) return false
  const { dataDirectory, expiryOf, readPublicIdentity } = await import('../../index.ts')
  const identity = await readPublicIdentity(dataDirectory(process.env))
  return origin.embedded || expiryOf(identity).getTime() > Date.now()
}

/** Asks until it is let in, or three times. */
async function logIn(alias: string | undefined, origin: Origin | undefined, options: SignInFlags): Promise<Identity> {
  const { SftError } = await import('../../index.ts')
  const url = options.auth ?? origin?.authUrl
  if (url === undefined) {
    const hint = 'sft shell --auth URL --ca FILE'
    throw new SftError('ERR_SFT_USAGE', 'there is no auth server to log in at', { hint })
  }
  const request = { url, trust: await trustOf(origin, options) }
  const typed = alias === undefined && isAsked(options)
  for (let attempt = 1; ; attempt++) {
    try {
      const name = alias ?? (await askAlias(origin?.name))
      if (origin && (origin.embedded || name !== origin.name)) throw await takenBy(origin, name)
      return await certified(name, request, options)
    } catch (error) {
      const again = SftError.is(error) && attempt < ATTEMPTS && isTypo(error.code, typed) && isAsked(options)
      if (!again) throw error
      say(`${error.message} [${error.code}]`)
    }
  }
}

/** A wrong password; a name that is none, if it was typed. */
function isTypo(code: string, typed: boolean): boolean {
  return code === 'ERR_SFT_LOGIN_REFUSED' || (typed && code === 'ERR_SFT_USAGE')
}

function isAsked({ passwordFile, passwordFd }: PasswordOptions): boolean {
  return passwordFile === undefined && passwordFd === undefined && process.env.SFT_PASSWORD_FILE === undefined
}

/** Whom one has trusted before, unless it is said anew. */
async function trustOf(origin: Origin | undefined, options: SignInFlags): Promise<EnrolOptions['trust']> {
  const { dataDirectory, readPublicIdentity } = await import('../../index.ts')
  if (options.ca !== undefined || options.caFingerprint !== undefined || origin === undefined) return readTrust(options)
  return { root: (await readPublicIdentity(dataDirectory(process.env))).root }
}

async function certified(name: string, request: EnrolOptions, options: SignInFlags): Promise<Identity> {
  const { dataDirectory, openRevocations } = await import('../../index.ts')
  const enrol = { ...options, auth: request.url }
  const current = await reusableIdentity(name, enrol)
  const key = current && { privateKey: current.privateKey, publicKey: current.publicKey }
  const identity = await passwordLogin(name, { ...request, key }, options)
  const passphrase = current ? undefined : await newPassphrase(options)
  await keepIdentity(identity, { current, passphrase, options: enrol })
  passphrase?.fill(0)
  const revocations = await openRevocations(dataDirectory(process.env), identity.root, { onFault: sayNotKept })
  const known = { ...identity, revocations }
  await freshenLists(known)
  return known
}

async function askAlias(usual: string | undefined): Promise<string> {
  const { SftError } = await import('../../index.ts')
  const alias = await askLine('alias', usual)
  if (alias !== undefined) return alias.trim()
  throw new SftError('ERR_SFT_USAGE', 'the alias is missing, and there is nobody to ask', { hint: 'sft shell ALIAS' })
}

async function takenBy(origin: Origin, name: string): Promise<Error> {
  const { SftError } = await import('../../index.ts')
  const hint = `sft login ${name} --force replaces it; streams sealed for it can then no longer be opened`
  return new SftError('ERR_SFT_EXISTS', `there is an identity already: ${origin.name} in ${origin.org}`, { hint })
}
