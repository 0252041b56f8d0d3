import { type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { askOnce, generateRsaKey, type PassphraseSource } from '../certificates/keys.ts'
import { parseUserName } from '../certificates/names.ts'
import { issuerIdOf, verifyPath } from '../certificates/path.ts'
import { initAuthority, openAuthority } from '../on-demand.ts'
import {
  type Origin,
  readCertificates,
  readIdentity,
  readOrigin,
  replaceChain,
  requireOrigin,
  saveIdentity
} from './identity-files.ts'
import { makePrivateDirectory } from './private-file.ts'
import { openRevocations, type RevocationFilesOptions } from './revocation-files.ts'
import type { KnownList, Revocations } from './revocations.ts'

/** One's own identity (SPEC §4). */

const EMBEDDED_AUTHORITY = 'ca'

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
  /** Who is revoked, as far as it is known; without it nobody is asked about, as in an organisation of one. */
  readonly revocations?: Revocations | undefined
}

/** An identity without its private key: enough to say who one is and to check others. */
export type PublicIdentity = Omit<Identity, 'privateKey'>

export interface LoadOptions extends RevocationFilesOptions {
  /** Asked once, and only if the key is encrypted. */
  readonly passphrase?: PassphraseSource
  /** Takes a login's certificate that is no longer valid, to renew it with its key. */
  readonly allowExpired?: boolean
}

/**
 * Loads one's identity and checks it as a peer would. The leaf of an embedded organisation is renewed here, with the same key, once two
 * thirds of its life are over. That of an organisation with an auth server comes with the revocation lists that are stored beside it.
 *
 * @throws SftError ERR_SFT_NO_IDENTITY when there is none; ERR_SFT_PASSPHRASE, ERR_SFT_SECRET_UNAVAILABLE; ERR_SFT_CERT_EXPIRED after the
 *   end of a login's certificate; ERR_SFT_FILE for files that do not belong together, or a key that others can read.
 */
export async function loadIdentity(directory: string, options: LoadOptions = {}): Promise<Identity> {
  const origin = await requireOrigin(directory)
  const passphrase = askOnce(options.passphrase)
  const stored = await readIdentity(directory, origin, passphrase)
  const identity = origin.embedded && isDue(stored) ? await renewEmbedded(directory, stored, passphrase) : stored
  if (!(options.allowExpired && lifeOf(identity).end < Date.now())) checkOwn(identity, origin)
  return { ...identity, revocations: await revocationsOf(directory, origin, identity.root, options) }
}

/**
 * Reads who one is without unlocking the key, also when the certificate is no longer valid.
 *
 * @throws SftError ERR_SFT_NO_IDENTITY when there is none; ERR_SFT_FILE.
 */
export async function readPublicIdentity(directory: string): Promise<PublicIdentity> {
  const origin = await requireOrigin(directory)
  const { root, chain } = await readCertificates(directory)
  const { publicKey } = new X509Certificate(chain[0] as Uint8Array)
  const revocations = await revocationsOf(directory, origin, root)
  return { org: origin.org, name: origin.name, root, chain, publicKey, revocations }
}

/** Only an auth server has lists. */
async function revocationsOf(
  directory: string,
  { authUrl }: Origin,
  root: X509Certificate,
  options: RevocationFilesOptions = {}
): Promise<Revocations | undefined> {
  return authUrl === undefined ? undefined : openRevocations(directory, root, options)
}

/** The revocation list of the CA that has certified oneself; undefined while none is known. */
export function ownList({ chain, revocations }: PublicIdentity): KnownList | undefined {
  const issuing = chain[1]
  return issuing && revocations?.get(issuerIdOf(new X509Certificate(issuing)))
}

/** When the certificate ends. */
export function expiryOf(identity: PublicIdentity): Date {
  return new Date(lifeOf(identity).end)
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
