import { readFile } from 'node:fs/promises'
import type { EnrolOptions, Identity } from '../index.ts'
import { fetchNow } from './keep-current.ts'
import { type PassphraseOptions, type PasswordOptions, passphraseSource, readPassword } from './options.ts'

/** A certificate from the auth server: whom to trust for it, for which key it is, and where it is kept. */

export interface EnrolFlags extends PassphraseOptions {
  auth: string
  ca?: string
  caFingerprint?: string
  newKey?: boolean
  force?: boolean
}

export async function readTrust(options: Pick<EnrolFlags, 'ca' | 'caFingerprint'>): Promise<EnrolOptions['trust']> {
  const { decodeCertificate, SftError } = await import('../index.ts')
  if (options.caFingerprint !== undefined) return { fingerprint: options.caFingerprint }
  if (options.ca === undefined) {
    const hint = '--ca FILE, or --ca-fingerprint HEX'
    throw new SftError('ERR_SFT_USAGE', 'the root certificate of the organisation is needed', { hint })
  }
  const pem = await readFile(options.ca, 'utf8').catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${options.ca}: ${cause.message}`, { cause })
  })
  return { root: decodeCertificate(pem) }
}

/** Asks for the password unless there is another source, and for a certificate with it. */
export async function passwordLogin(name: string, request: EnrolOptions, options: PasswordOptions): Promise<Identity> {
  const { login } = await import('../index.ts')
  const password = await readPassword(options, `password of ${name}`)
  try {
    return await login({ ...request, name, password })
  } finally {
    password.fill(0)
  }
}

/** The stored identity when this login renews it with the same key. */
export async function reusableIdentity(name: string, options: EnrolFlags): Promise<Identity | undefined> {
  const { dataDirectory, loadIdentity, readOrigin, SftError } = await import('../index.ts')
  const directory = dataDirectory(process.env)
  const origin = await readOrigin(directory)
  if (!origin || options.force) return undefined
  if (origin.name !== name || origin.embedded) {
    const hint = '--force replaces it; streams sealed for it can then no longer be opened'
    throw new SftError('ERR_SFT_EXISTS', `there is an identity already: ${origin.name} in ${origin.org}`, { hint })
  }
  if (options.newKey) return undefined
  return loadIdentity(directory, { passphrase: passphraseSource(options), allowExpired: true })
}

interface Kept {
  readonly current?: Identity | undefined
  readonly passphrase?: Buffer | undefined
  readonly options: Pick<EnrolFlags, 'auth'>
}

/** Writes the identity, and the lists of its CA; a renewal keeps the stored key, and with it its passphrase. */
export async function keepIdentity(identity: Identity, { current, passphrase, options }: Kept): Promise<void> {
  const { dataDirectory, readPublicIdentity, replaceChain, saveIdentity, SftError } = await import('../index.ts')
  const directory = dataDirectory(process.env)
  if (!current) {
    await saveIdentity(directory, identity, { passphrase, authUrl: options.auth })
  } else if (current.org === identity.org) {
    await replaceChain(directory, identity)
  } else {
    const hint = '--force replaces it'
    throw new SftError('ERR_SFT_EXISTS', 'the identity here is of another organisation', { hint })
  }
  await fetchNow(await readPublicIdentity(directory), options.auth)
}
