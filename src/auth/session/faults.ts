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
  'connection lost': 'ERR_SFT_CONNECTION_LOST'
}

const REFUSALS: Readonly<Partial<Record<SftErrorCode, Refusal>>> = {
  ERR_SFT_CERT_INVALID: 'certificate invalid',
  ERR_SFT_CERT_UNTRUSTED: 'certificate invalid',
  ERR_SFT_CERT_USAGE: 'certificate invalid',
  ERR_SFT_CERT_EXPIRED: 'certificate expired',
  ERR_SFT_CERT_NAME: 'wrong name',
  ERR_SFT_CERT_REVOKED: 'certificate revoked'
}

/** What the peer is told about an error in its certificate, or in our policy. */
export function refusalFor(error: unknown): Refusal {
  return (SftError.is(error) && REFUSALS[error.code]) || 'refused by policy'
}

/** What the peer is told about an error found while reading; nothing when there is nobody to tell. */
export function abortFor(code: SftErrorCode): Abort | undefined {
  if (code === 'ERR_SFT_RECORD_AUTH') return 'integrity'
  return code === 'ERR_SFT_CONNECTION_LOST' || code === 'ERR_SFT_TIMEOUT' || code === 'ERR_SFT_HANDSHAKE'
    ? undefined
    : 'protocol'
}

/** @throws SftError ERR_SFT_ENCODING for a code that sft/1 does not know. */
export function abortedByPeer(body: Uint8Array): SftError {
  const reason = abortion.decode(body)
  return new SftError(ABORT_CODES[reason], `the peer ended the session: ${reason}`)
}

/** @throws SftError ERR_SFT_ENCODING for a code that sft/1 does not know. */
export function refusedByPeer(body: Uint8Array): SftError {
  return new SftError('ERR_SFT_REFUSED_BY_PEER', `the peer refused: ${refusal.decode(body)}`)
}

export function connectionLost(message: string, cause?: unknown): SftError {
  return new SftError('ERR_SFT_CONNECTION_LOST', message, cause === undefined ? {} : { cause })
}
