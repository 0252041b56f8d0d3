import { type PathOptions, type PeerIdentity, verifyPath } from '../certificates/path.ts'
import type { PublicIdentity } from './identity.ts'

/** How others are checked with one's own identity (SPEC §4.3, §4.8). */

/**
 * Checks the chain of a member: the path check, and that it is not revoked.
 *
 * @param options.known false when a newer revocation list is on its way.
 * @throws SftError as `verifyPath`; ERR_SFT_CERT_REVOKED, ERR_SFT_CRL.
 */
export function verifyMember(
  identity: PublicIdentity,
  chain: readonly Uint8Array[],
  options: Pick<PathOptions, 'name' | 'now'> & { known?: boolean } = {}
): PeerIdentity {
  const { root, org } = identity
  const peer = verifyPath(chain, { root, org, ...options })
  requireNotRevoked(identity, peer, options)
  return peer
}

/**
 * M52 for a member whose chain has passed the path check. Of oneself it is not asked: what one has sealed for oneself opens without an auth server.
 *
 * @throws SftError ERR_SFT_CERT_REVOKED, ERR_SFT_CRL.
 */
export function requireNotRevoked(
  { publicKey, revocations }: PublicIdentity,
  peer: PeerIdentity,
  options: { now?: Date | undefined; known?: boolean } = {}
): void {
  if (!peer.publicKey.equals(publicKey)) revocations?.check(peer, options)
}
