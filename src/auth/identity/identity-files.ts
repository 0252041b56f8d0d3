import { createPublicKey, randomBytes, type X509Certificate } from 'node:crypto'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { type PassphraseSource, storePrivateKey, unlockPrivateKey } from '../certificates/keys.ts'
import { parseOrganisation, parseUserName } from '../certificates/names.ts'
import { decodeCertificate, decodeCertificates, encodeCertificates } from '../certificates/pem.ts'
import type { Identity, PublicIdentity } from './identity.ts'
import {
  exists,
  makePrivateDirectory,
  readPrivate,
  readSmallFile,
  replacePrivate,
  syncDirectory,
  writePrivate
} from './private-file.ts'

/** The place of an identity on the disk: key, chain, root, and where they came from. What they are worth, `identity.ts` says. */

/** What `identity.json` says beside the keys and certificates. */
export interface Origin {
  readonly org: string
  readonly name: string
  /** Where the certificate came from; absent for an embedded organisation. */
  readonly authUrl?: string | undefined
  /** True for an organisation of one on this machine, whose authority is below the same directory. */
  readonly embedded: boolean
}

const FILE = { key: 'key.pem', chain: 'chain.pem', root: 'root.crt', origin: 'identity.json' } as const
const CURRENT = 'identity'
/** Where the identity stands for the moment in which a new one takes its place. */
const PREVIOUS = 'identity.previous'

/** The directory of a user's identity and peer book (XDG Base Directory Specification). */
export function dataDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return xdgDirectory(env, 'XDG_DATA_HOME', '.local/share')
}

/** The directory of what a user has settled, such as a policy (XDG Base Directory Specification). */
export function configDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return xdgDirectory(env, 'XDG_CONFIG_HOME', '.config')
}

/** The specification has a relative path ignored. */
function xdgDirectory(env: Readonly<Record<string, string | undefined>>, variable: string, usual: string): string {
  const { [variable]: place = '', HOME: home = homedir() } = env
  return join(isAbsolute(place) ? place : join(home, usual), 'sft')
}

/**
 * Stores an identity, in the place of one that may be there: at any moment, also after a crash, the old one or the new one is whole.
 *
 * @param options.passphrase - bytes of the caller, who zeroes them; the key is stored in the clear without.
 * @throws SftError ERR_SFT_FILE for a fault of the disk; the old identity is then as it was.
 */
export async function saveIdentity(
  directory: string,
  identity: Identity,
  options: { passphrase?: Uint8Array | undefined; authUrl?: string | undefined; embedded?: boolean } = {}
): Promise<void> {
  const { passphrase, authUrl, embedded = false } = options
  const origin: Origin = { org: identity.org, name: identity.name, authUrl, embedded }
  await makePrivateDirectory(directory)
  const staged = join(directory, `.${CURRENT}.${randomBytes(8).toString('hex')}`)
  try {
    await mkdir(staged, { mode: 0o700 })
    await writePrivate(join(staged, FILE.key), storePrivateKey(identity.privateKey, passphrase))
    await writePrivate(join(staged, FILE.chain), encodeCertificates(identity.chain))
    await writePrivate(join(staged, FILE.root), identity.root.toString())
    await writePrivate(join(staged, FILE.origin), `${JSON.stringify({ version: 1, ...origin })}\n`)
    await syncDirectory(staged)
    await putInPlace(directory, staged)
  } catch (cause) {
    await rm(staged, { recursive: true, force: true })
    throw SftError.is(cause) ? cause : new SftError('ERR_SFT_FILE', 'the identity cannot be stored', { cause })
  }
}

/** Two renames, since a directory can not be renamed over one that is not empty; `recover` finishes what a crash left between them. */
async function putInPlace(directory: string, staged: string): Promise<void> {
  await recover(directory)
  if (await exists(join(directory, CURRENT))) await rename(join(directory, CURRENT), join(directory, PREVIOUS))
  await rename(staged, join(directory, CURRENT))
  await syncDirectory(directory)
  await rm(join(directory, PREVIOUS), { recursive: true, force: true })
}

async function recover(directory: string): Promise<void> {
  if (await exists(join(directory, CURRENT))) await rm(join(directory, PREVIOUS), { recursive: true, force: true })
  else if (await exists(join(directory, PREVIOUS))) await rename(join(directory, PREVIOUS), join(directory, CURRENT))
}

/**
 * Says whose identity is stored, without its key; undefined for none.
 *
 * @throws SftError ERR_SFT_FILE for files that are malformed.
 */
export async function readOrigin(directory: string): Promise<Origin | undefined> {
  const text = await readSmallFile(join(await currentDirectory(directory), FILE.origin))
  return text === undefined ? undefined : parseOrigin(text)
}

/** Stores a new chain for the key that is there, as a renewal does. @throws SftError ERR_SFT_FILE. */
export async function replaceChain(directory: string, identity: PublicIdentity): Promise<void> {
  await replacePrivate(join(await currentDirectory(directory), FILE.chain), encodeCertificates(identity.chain))
}

/** @throws SftError ERR_SFT_NO_IDENTITY when there is none; ERR_SFT_FILE. */
export async function requireOrigin(directory: string): Promise<Origin> {
  const origin = await readOrigin(directory)
  const hint = 'sft init makes one for this machine, sft login gets one from an auth server'
  if (origin === undefined) throw new SftError('ERR_SFT_NO_IDENTITY', 'there is no identity here', { hint })
  return origin
}

/** Reads what is stored, unchecked. */
export async function readIdentity(directory: string, origin: Origin, passphrase: PassphraseSource): Promise<Identity> {
  const pem = await readPrivate(join(await currentDirectory(directory), FILE.key))
  if (pem === undefined) throw new SftError('ERR_SFT_FILE', 'a file of the identity is missing')
  const certificates = await readCertificates(directory)
  const privateKey = await unlockPrivateKey(pem, passphrase)
  return { org: origin.org, name: origin.name, ...certificates, privateKey, publicKey: createPublicKey(privateKey) }
}

/** Reads what is handed out of it, unchecked. */
export async function readCertificates(directory: string): Promise<{ root: X509Certificate; chain: Uint8Array[] }> {
  const current = await currentDirectory(directory)
  const [chain, root] = await Promise.all([
    readSmallFile(join(current, FILE.chain)),
    readSmallFile(join(current, FILE.root))
  ])
  if (chain === undefined || root === undefined) throw new SftError('ERR_SFT_FILE', 'a file of the identity is missing')
  return { root: decodeCertificate(root), chain: decodeCertificates(chain) }
}

/** Names of what belongs to its owner alone, and is open to group or others. @throws SftError ERR_SFT_NO_IDENTITY, ERR_SFT_FILE. */
export async function exposedFiles(directory: string): Promise<readonly string[]> {
  await requireOrigin(directory)
  const key = join(await currentDirectory(directory), FILE.key)
  return ((await stat(key)).mode & 0o077) === 0 ? [] : [key]
}

async function currentDirectory(directory: string): Promise<string> {
  const [current, previous] = [join(directory, CURRENT), join(directory, PREVIOUS)]
  return !(await exists(current)) && (await exists(previous)) ? previous : current
}

function parseOrigin(text: string): Origin {
  try {
    const { org, name, authUrl, embedded } = JSON.parse(text) as Record<keyof Origin, unknown>
    if (typeof org !== 'string' || typeof name !== 'string' || typeof embedded !== 'boolean')
      throw new SftError('ERR_SFT_FILE', `${FILE.origin} is malformed`)
    const url = typeof authUrl === 'string' ? authUrl : undefined
    return { org: parseOrganisation(org), name: parseUserName(name), authUrl: url, embedded }
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', `${FILE.origin} is malformed`, { cause })
  }
}
