import { createPublicKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { generateRsaKey, type PassphraseSource, storePrivateKey, unlockPrivateKey } from '../certificates/keys.ts'
import { parseOrganisation, parseUserName } from '../certificates/names.ts'
import { verifyPath } from '../certificates/path.ts'
import { decodeCertificate, decodeCertificates, encodeCertificates } from '../certificates/pem.ts'
import { initAuthority, openAuthority } from '../on-demand.ts'
import {
  makePrivateDirectory,
  readPrivate,
  readSmallFile,
  replacePrivate,
  syncDirectory,
  writePrivate
} from './private-file.ts'

/** One's own identity (SPEC §4), and its place on the disk. */

/** Who one is: a name in an organisation, the chain that certifies it, and the key. */
export interface Identity {
  readonly org: string
  readonly name: string
  /** The pinned root; never sent. */
  readonly root: X509Certificate
  /** DER of leaf and issuing CA, in this order. */
  readonly chain: readonly Uint8Array[]
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** An identity without its private key: enough to say who one is and to check others. */
export type PublicIdentity = Omit<Identity, 'privateKey'>

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
const EMBEDDED_AUTHORITY = 'ca'

/** The directory of a user's identity and peer book (XDG Base Directory Specification). */
export function dataDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const { XDG_DATA_HOME: data = '', HOME: home = homedir() } = env
  // The specification has a relative path ignored.
  return join(isAbsolute(data) ? data : join(home, '.local', 'share'), 'sft')
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

/**
 * Loads one's identity and checks it as a peer would. The leaf of an embedded organisation is renewed here, with the same key, once two
 * thirds of its life are over.
 *
 * @param options.passphrase - asked once, and only if the key is encrypted.
 * @param options.allowExpired - takes a login's certificate that is no longer valid, to renew it with its key.
 * @throws SftError ERR_SFT_NO_IDENTITY when there is none; ERR_SFT_PASSPHRASE, ERR_SFT_SECRET_UNAVAILABLE; ERR_SFT_CERT_EXPIRED after the
 *   end of a login's certificate; ERR_SFT_FILE for files that do not belong together, or a key that others can read.
 */
export async function loadIdentity(
  directory: string,
  options: { passphrase?: PassphraseSource; allowExpired?: boolean } = {}
): Promise<Identity> {
  const origin = await requireOrigin(directory)
  const passphrase = askOnce(options.passphrase)
  const stored = await readIdentity(await currentDirectory(directory), origin, passphrase)
  const identity = origin.embedded && isDue(stored) ? await renewEmbedded(directory, stored, passphrase) : stored
  if (!(options.allowExpired && lifeOf(identity).end < Date.now())) checkOwn(identity, origin)
  return identity
}

/**
 * Reads who one is without unlocking the key, also when the certificate is no longer valid.
 *
 * @throws SftError ERR_SFT_NO_IDENTITY when there is none; ERR_SFT_FILE.
 */
export async function readPublicIdentity(directory: string): Promise<PublicIdentity> {
  const origin = await requireOrigin(directory)
  const { root, chain } = await readCertificates(await currentDirectory(directory))
  const { publicKey } = new X509Certificate(chain[0] as Uint8Array)
  return { org: origin.org, name: origin.name, root, chain, publicKey }
}

/** Stores a new chain for the key that is there, as a renewal does. @throws SftError ERR_SFT_FILE. */
export async function replaceChain(directory: string, identity: PublicIdentity): Promise<void> {
  await replacePrivate(join(await currentDirectory(directory), FILE.chain), encodeCertificates(identity.chain))
}

/** When the certificate ends. */
export function expiryOf(identity: PublicIdentity): Date {
  return new Date(lifeOf(identity).end)
}

async function requireOrigin(directory: string): Promise<Origin> {
  const origin = await readOrigin(directory)
  const hint = 'sft init makes one for this machine, sft login gets one from an auth server'
  if (origin === undefined) throw new SftError('ERR_SFT_NO_IDENTITY', 'there is no identity here', { hint })
  return origin
}

/**
 * Makes an organisation of one on this machine: an authority below `directory`, and an identity that it certifies.
 *
 * @param options.passphrase - bytes of the caller, who zeroes them, for all keys; they are stored in the clear without.
 * @throws SftError ERR_SFT_EXISTS when there is an identity or an authority; ERR_SFT_USAGE for a name that is none; ERR_SFT_FILE.
 */
export async function initEmbedded(
  directory: string,
  options: { name: string; passphrase?: Uint8Array | undefined; bits?: number }
): Promise<Identity> {
  const { passphrase, bits } = options
  const name = parseUserName(options.name)
  if ((await readOrigin(directory)) !== undefined) throw new SftError('ERR_SFT_EXISTS', 'there is an identity already')
  const org = `local-${randomBytes(8).toString('hex')}`
  const place = join(directory, EMBEDDED_AUTHORITY)
  await makePrivateDirectory(directory)
  await initAuthority(place, { org, passphrase, ...(bits === undefined ? {} : { bits }) })
  const authority = await openAuthority(place, { passphrase: async () => passphrase })
  const key = await generateRsaKey(bits)
  const identity = { org, name, root: authority.root, chain: authority.issueLeaf(key.publicKey, name), ...key }
  await saveIdentity(directory, identity, { passphrase, embedded: true })
  return identity
}

async function renewEmbedded(directory: string, identity: Identity, passphrase: PassphraseSource): Promise<Identity> {
  const authority = await openAuthority(join(directory, EMBEDDED_AUTHORITY), { passphrase })
  const chain = authority.issueLeaf(identity.publicKey, identity.name)
  const renewed = { ...identity, chain }
  await replaceChain(directory, renewed)
  return renewed
}

/** True once two thirds of the leaf's life are over, or all of it. */
export function isDue(identity: PublicIdentity): boolean {
  return Date.now() > dueOf(identity)
}

/** When two thirds of the leaf's life are over, in ms since 1970; later by a share of the life. */
export function dueOf(identity: PublicIdentity, later = 0): number {
  const { start, end } = lifeOf(identity)
  return start + (end - start) * (2 / 3 + later)
}

/** When the leaf begins and ends, in ms since 1970. */
export function lifeOf({ chain }: PublicIdentity): { start: number; end: number } {
  const { validFromDate, validToDate } = new X509Certificate(chain[0] as Uint8Array)
  return { start: validFromDate.getTime(), end: validToDate.getTime() }
}

async function readIdentity(directory: string, origin: Origin, passphrase: PassphraseSource): Promise<Identity> {
  const pem = await readPrivate(join(directory, FILE.key))
  if (pem === undefined) throw new SftError('ERR_SFT_FILE', 'a file of the identity is missing')
  const certificates = await readCertificates(directory)
  const privateKey = await unlockPrivateKey(pem, passphrase)
  return { org: origin.org, name: origin.name, ...certificates, privateKey, publicKey: createPublicKey(privateKey) }
}

async function readCertificates(directory: string): Promise<{ root: X509Certificate; chain: Uint8Array[] }> {
  const [chain, root] = await Promise.all([
    readSmallFile(join(directory, FILE.chain)),
    readSmallFile(join(directory, FILE.root))
  ])
  if (chain === undefined || root === undefined) throw new SftError('ERR_SFT_FILE', 'a file of the identity is missing')
  return { root: decodeCertificate(root), chain: decodeCertificates(chain) }
}

function checkOwn(identity: Identity, { authUrl = 'URL' }: Origin): void {
  const { root, org, name } = identity
  try {
    const { publicKey } = verifyPath(identity.chain, { root, org, name })
    if (publicKey.equals(identity.publicKey)) return
  } catch (cause) {
    if (!SftError.is(cause) || cause.code !== 'ERR_SFT_CERT_EXPIRED') throw cause
    const hint = `sft login ${name} --auth ${authUrl}`
    throw new SftError('ERR_SFT_CERT_EXPIRED', 'your certificate is expired or not yet valid', { cause, hint })
  }
  throw new SftError('ERR_SFT_FILE', 'the private key and the certificate do not belong together')
}

function askOnce(source: PassphraseSource = async () => undefined): PassphraseSource {
  let answer: Promise<Uint8Array | undefined> | undefined
  return () => {
    answer ??= source()
    return answer
  }
}

async function currentDirectory(directory: string): Promise<string> {
  const [current, previous] = [join(directory, CURRENT), join(directory, PREVIOUS)]
  return !(await exists(current)) && (await exists(previous)) ? previous : current
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
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
