import { SftError } from '../../streams/errors.ts'
import type { Authority } from '../authority/authority.ts'
import type { AuthStore } from '../authority/store/store.ts'
import { type PeerIdentity, verifyPath } from '../certificates/path.ts'
import { decodeCertificates, encodeCertificates } from '../certificates/pem.ts'
import { signPss, verifyPss } from '../certificates/signature.ts'
import type { Identity } from '../identity/identity.ts'
import { standingRefusal } from './renewal-decision.ts'

/**
 * How a member shows the auth server who asks (SPEC §4.10): a chain, and a signature over the exporter of this very connection. TLS client
 * certificates would say the same, but they want the private key as text.
 */

const CONTEXT = Buffer.concat([Buffer.alloc(64, 0x20), Buffer.from('sft/1 member\0', 'latin1')])

export interface MembershipProof {
  /** PEM. */
  readonly chain: string
  /** Base64. */
  readonly proof: string
}

/** Proves membership on a channel; `exporter` as `exportChannel` gives it. */
export async function proveMembership(identity: Identity, exporter: string): Promise<MembershipProof> {
  const signature = await signPss(identity.privateKey, signedText(exporter))
  return { chain: encodeCertificates(identity.chain), proof: Buffer.from(signature).toString('base64') }
}

/**
 * M57: the path check holds, the signature is over this channel, and nothing on the books speaks against the holder. Undefined otherwise.
 *
 * @throws SftError ERR_SFT_STORE.
 */
export async function checkMembership(
  { authority: { root, org }, store }: { authority: Authority; store: AuthStore },
  { chain, proof }: MembershipProof,
  exporter: string
): Promise<PeerIdentity | undefined> {
  const holder = verifyOrNothing(() => verifyPath(decodeCertificates(chain), { root, org }))
  if (!holder || !verifyPss(holder.publicKey, signedText(exporter), Buffer.from(proof, 'base64'))) return undefined
  return (await standingRefusal({ store }, holder)) === undefined ? holder : undefined
}

function signedText(exporter: string): Uint8Array {
  return Buffer.concat([CONTEXT, Buffer.from(exporter, 'base64')])
}

/** Whatever is wrong with a stranger's certificates is one thing to him. */
function verifyOrNothing(verify: () => PeerIdentity): PeerIdentity | undefined {
  try {
    return verify()
  } catch (error) {
    if (SftError.is(error)) return undefined
    throw error
  }
}
