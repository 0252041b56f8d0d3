import { X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { issueOnBooks, serialOf } from '../authority/store/entry.ts'
import { type CertificationRequest, parseRequest } from '../certificates/certificate.ts'
import { type PeerIdentity, verifyPath } from '../certificates/path.ts'
import { decodeCertificates } from '../certificates/pem.ts'
import { bindingRefusal, type LoginRules } from './login-decision.ts'
import type { SharedLimit } from './rate-limit.ts'

/**
 * Who gets a certificate for a certificate (SPEC §4.6): the holder of its key, proved on this very channel, whom nothing speaks against. No password, and
 * so nothing to guess: what a stranger can make of it is a verification.
 */

/** What a client sends: its chain and a PKCS#10, in PEM. */
export interface RenewalAttempt {
  readonly chain: string
  readonly request: string
}

/** Why a renewal was refused: for the log of the auth server, never for the client. */
export type RenewalRefusal =
  | 'malformed'
  | 'untrusted'
  | 'too long over'
  | 'not on the books'
  | 'revoked'
  | 'another key'
  | 'replay'
  | 'another name'
  | 'unknown user'
  | 'disabled'

export type RenewalAnswer =
  | { readonly kind: 'issued'; readonly name: string; readonly chain: readonly Uint8Array[] }
  | { readonly kind: 'refused'; readonly name?: string; readonly reason: RenewalRefusal }
  | { readonly kind: 'limited'; readonly name?: string }

export interface RenewalRules extends Pick<LoginRules, 'authority' | 'store' | 'perSource' | 'ttl'> {
  readonly perHolder: SharedLimit
}

/** Milliseconds after its end in which a certificate can still be renewed: a machine may have slept for a while. */
const GRACE_MS = 7 * 86_400_000

/** Reads the body of a renewal; undefined for one that is none at all. */
export function parseRenewal(body: unknown): RenewalAttempt | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { chain, request } = body as Record<string, unknown>
  return typeof chain === 'string' && typeof request === 'string' ? { chain, request } : undefined
}

/**
 * Decides on one renewal, and certifies the same key anew if every condition of M48 holds.
 *
 * @param channel.exporter base64 of the TLS exporter of the connection that carried the attempt
 * @throws SftError of the store or of the authority: a fault on this side
 */
export async function decideRenewal(
  rules: RenewalRules,
  attempt: RenewalAttempt,
  channel: { exporter: string; source: string }
): Promise<RenewalAnswer> {
  if (!(await rules.perSource(channel.source))) return { kind: 'limited' }
  const proof = readProof(rules, attempt)
  if (typeof proof === 'string') return { kind: 'refused', reason: proof }
  const { holder, request } = proof
  const { name } = holder
  const reason = proofRefusal(holder, request, channel.exporter) ?? (await standingRefusal(rules, holder))
  if (reason !== undefined) return { kind: 'refused', name, reason }
  if (!(await rules.perHolder(name))) return { kind: 'limited', name }
  return { kind: 'issued', name, chain: await issueOnBooks(rules, holder.publicKey, name) }
}

function readProof(
  { authority: { root, org } }: RenewalRules,
  attempt: RenewalAttempt
): { holder: PeerIdentity; request: CertificationRequest } | RenewalRefusal {
  try {
    const request = parseRequest(attempt.request)
    const chain = decodeCertificates(attempt.chain)
    const end = new X509Certificate(chain[0] as Uint8Array).validToDate.getTime()
    const late = Date.now() - end
    if (late > GRACE_MS) return 'too long over'
    return { request, holder: verifyPath(chain, { root, org, now: new Date(late > 0 ? end : Date.now()) }) }
  } catch (error) {
    if (!SftError.is(error)) return 'malformed'
    return error.code === 'ERR_SFT_CERT_INVALID' ? 'malformed' : 'untrusted'
  }
}

function proofRefusal(
  holder: PeerIdentity,
  request: CertificationRequest,
  exporter: string
): RenewalRefusal | undefined {
  if (!request.publicKey.equals(holder.publicKey)) return 'another key'
  return bindingRefusal(request, holder.name, exporter)
}

/** What the books say against the holder of a certificate that has passed the path check. */
export async function standingRefusal(
  { store }: Pick<RenewalRules, 'store'>,
  holder: PeerIdentity
): Promise<RenewalRefusal | undefined> {
  const [certificate, user] = [await store.certificates.get(serialOf(holder.leaf)), await store.users.get(holder.name)]
  if (certificate === undefined || Buffer.compare(certificate.der, holder.leaf) !== 0) return 'not on the books'
  if (certificate.revoked !== undefined) return 'revoked'
  if (user === undefined) return 'unknown user'
  return user.disabled ? 'disabled' : undefined
}
