import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { isUserName } from '../certificates/names.ts'
import type { PeerIdentity } from '../certificates/path.ts'
import { decodeCertificates, encodeCertificates } from '../certificates/pem.ts'
import type { PublicIdentity } from './identity.ts'
import { verifyMember } from './member.ts'
import { makePrivateDirectory, readSmallFile, replacePrivate } from './private-file.ts'

/**
 * The peer book: certificates of other members, one file a name, in `peers/` of the data directory. It holds no trust of its own: every
 * entry is checked against the pinned root and the revocation lists each time it is used (SPEC §4.3, §4.8).
 */

const BOOK = 'peers'
const SUFFIX = '.crt'

/** One line of the peer book; `problem` says why an entry cannot be used. */
export type PeerEntry =
  | { readonly name: string; readonly peer: PeerIdentity }
  | { readonly name: string; readonly problem: SftError }

/**
 * Adds a peer, in the place of an older certificate of the same name. The file is named by what the certificate says.
 *
 * @param pem - leaf and issuing CA; a leaf alone is taken to be of one's own issuing CA.
 * @throws SftError ERR_SFT_CERT_* for a chain that the path check refuses; ERR_SFT_FILE.
 */
export async function addPeer(directory: string, identity: PublicIdentity, pem: string): Promise<PeerIdentity> {
  const chain = completeChain(identity, decodeCertificates(pem))
  const peer = verifyMember(identity, chain)
  await makePrivateDirectory(join(directory, BOOK))
  await replacePrivate(pathOf(directory, peer.name), encodeCertificates(chain))
  return peer
}

/** Lists the peer book in the order of names. */
export async function listPeers(directory: string, identity: PublicIdentity): Promise<readonly PeerEntry[]> {
  const files = await readdir(join(directory, BOOK)).catch(noDirectory)
  const names = files.filter(file => file.endsWith(SUFFIX)).map(file => file.slice(0, -SUFFIX.length))
  return Promise.all(
    names
      .filter(isUserName)
      .sort()
      .map(name => describe(directory, identity, name))
  )
}

/**
 * Removes a peer.
 *
 * @throws SftError ERR_SFT_UNKNOWN_PEER when the book has none of this name.
 */
export async function removePeer(directory: string, name: string): Promise<void> {
  if (!isUserName(name)) throw unknownPeer(name)
  await rm(pathOf(directory, name)).catch(cause => {
    throw unknownPeer(name, cause)
  })
}

/**
 * Finds a peer: one's own name is oneself, a path (with a `/`, or ending in `.crt` or `.pem`) is a certificate file, any other name is
 * looked up in the peer book. A name is never looked for among files: whoever can write there could stand in for it.
 *
 * @throws SftError ERR_SFT_UNKNOWN_PEER; ERR_SFT_CERT_* for an entry that no longer passes the path check.
 */
export async function findPeer(directory: string, identity: PublicIdentity, nameOrFile: string): Promise<PeerIdentity> {
  if (nameOrFile === identity.name) return verifyMember(identity, identity.chain, { name: nameOrFile })
  if (/\/|\.(crt|pem)$/.test(nameOrFile)) {
    const pem = await readSmallFile(nameOrFile)
    if (pem === undefined) throw new SftError('ERR_SFT_UNKNOWN_PEER', 'there is no such certificate file')
    return verifyMember(identity, completeChain(identity, decodeCertificates(pem)))
  }
  const pem = isUserName(nameOrFile) ? await readSmallFile(pathOf(directory, nameOrFile)) : undefined
  if (pem === undefined) throw unknownPeer(nameOrFile)
  return verifyMember(identity, decodeCertificates(pem), { name: nameOrFile })
}

async function describe(directory: string, identity: PublicIdentity, name: string): Promise<PeerEntry> {
  try {
    const pem = await readSmallFile(pathOf(directory, name))
    const chain = decodeCertificates(pem ?? '')
    return { name, peer: verifyMember(identity, chain, { name }) }
  } catch (problem) {
    if (SftError.is(problem)) return { name, problem }
    throw problem
  }
}

function completeChain({ chain }: PublicIdentity, certificates: readonly Uint8Array[]): readonly Uint8Array[] {
  return certificates.length === 1 ? [...certificates, ...chain.slice(1)] : certificates
}

function pathOf(directory: string, name: string): string {
  return join(directory, BOOK, name + SUFFIX)
}

function noDirectory(cause: NodeJS.ErrnoException): string[] {
  if (cause.code === 'ENOENT') return []
  throw new SftError('ERR_SFT_FILE', 'the peer book cannot be read', { cause })
}

function unknownPeer(name: string, cause?: unknown): SftError {
  const hint = 'sft peers add FILE.crt adds a peer'
  return new SftError('ERR_SFT_UNKNOWN_PEER', `no peer ${JSON.stringify(name)} in the peer book`, { cause, hint })
}
