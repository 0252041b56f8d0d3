import { SftError, type SftErrorCode } from '../../streams/errors.ts'
import { type Abort, abortion, type Refusal, refusal } from './handshake-messages.ts'

/** Errors to codes on the wire and back (SPEC §6). */

/** What an `ABRT` of the peer is on this side. */
const ABORT_CODES: Readonly<Record<Abort, SftErrorCode>> = {
  protocol: 'ERR_SFT_PROTOCOL',
  'source changed': 'ERR_SFT_SOURCE_CHANGED',
  'read error': 'ERR_SFT_FILE',
  'write error': 'ERR_SFT_FILE',
  timeout: 'ERR_SFT_TIMEOUT',
  cancelled: 'ERR_SFT_CANCELLED',
  integrity: 'ERR_SFT_CHUNK_AUTH',
  'shutting down': 'ERR_SFT_CONNECTION_LOST',
  'sender not accepted': 'ERR_SFT_SENDER',
  'connection lost': 'ERR_SFT_CONNECTION_LOST',
  'certificate revoked': 'ERR_SFT_CERT_REVOKED',
  'certificate expired': 'ERR_SFT_CERT_EXPIRED',
  'revocation list too old': 'ERR_SFT_CRL'
}

const REFUSALS: Readonly<Partial<Record<SftErrorCode, Refusal>>> = {
  ERR_SFT_CERT_INVALID: 'certificate invalid',
  ERR_SFT_CERT_UNTRUSTED: 'certificate invalid',
  ERR_SFT_CERT_USAGE: 'certificate invalid',
  ERR_SFT_CERT_EXPIRED: 'certificate expired',
  ERR_SFT_CERT_NAME: 'wrong name',
  ERR_SFT_CERT_REVOKED: 'certificate revoked',
  ERR_SFT_CRL: 'revocation list too old'
}

/** What the peer is told when a session that is under way may not go on. */
const ENDS: Readonly<Partial<Record<SftErrorCode, Abort | 'nothing'>>> = {
  ERR_SFT_RECORD_AUTH: 'integrity',
  ERR_SFT_CERT_REVOKED: 'certificate revoked',
  ERR_SFT_CERT_EXPIRED: 'certificate expired',
  ERR_SFT_CRL: 'revocation list too old',
  ERR_SFT_CONNECTION_LOST: 'nothing',
  ERR_SFT_TIMEOUT: 'nothing',
  ERR_SFT_HANDSHAKE: 'nothing'
}

/** What the peer is told about an error in its certificate, or in our policy. */
export function refusalFor(error: unknown): Refusal {
  return (SftError.is(error) && REFUSALS[error.code]) || 'refused by policy'
}

/** What the peer is told about an error found while reading; nothing when there is nobody to tell. */
export function abortFor(code: SftErrorCode): Abort | undefined {
  const end = ENDS[code] ?? 'protocol'
  return end === 'nothing' ? undefined : end
}

/** @throws SftError ERR_SFT_ENCODING for a code that sft/1 does not know. */
export function abortedByPeer(body: Uint8Array): SftError {
  const reason = abortion.decode(body)
  return new SftError(ABORT_CODES[reason], `the peer ended the session: ${reason}`)
}

/** @throws SftError ERR_SFT_ENCODING for a code that sft/1 does not know. */
export function refusedByPeer(body: Uint8Array): SftError {
  const reason = refusal.decode(body)
  const code = reason === 'certificate revoked' ? 'ERR_SFT_CERT_REVOKED' : 'ERR_SFT_REFUSED_BY_PEER'
  return new SftError(code, `the peer refused: ${reason}`)
}

export function connectionLost(message: string, cause?: unknown): SftError {
  return new SftError('ERR_SFT_CONNECTION_LOST', message, cause === undefined ? {} : { cause })
}
