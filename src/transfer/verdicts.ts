import { type Abort, type AcceptKind, acceptance, type Refusal, refusal } from '../auth/session/handshake-messages.ts'
import { SftError, type SftErrorCode } from '../streams/errors.ts'
import type { ReceivedFrame } from '../streams/types.ts'
import type { Outgoing } from './outgoing.ts'

/** What one side tells the other about a request, and what an answer means here (SPEC §6, §8). */

const REFUSAL_ERRORS: Partial<Record<Refusal, SftErrorCode>> = {
  'not found': 'ERR_SFT_NOT_FOUND',
  'refused by policy': 'ERR_SFT_PUSH_REFUSED',
  'too large': 'ERR_SFT_PUSH_REFUSED',
  exists: 'ERR_SFT_EXISTS',
  busy: 'ERR_SFT_BUSY'
}

type Hints = Partial<Record<Refusal, string>>

/** The same whatever it is that is not found: only who asks knows what was meant. */
export const PULL_HINTS: Hints = { 'not found': 'a directory comes with -r' }

const TAKES = 'with you in its --from or its policy'

/** What to do about an offer that is refused: mostly it is for the receiver to do. */
export function pushHints({ message, receipt }: { message: boolean; receipt: boolean }): Hints {
  const who = message
    ? `the receiver runs sft recv --listen without --no-messages, ${TAKES}`
    : `the receiver runs sft recv --listen, ${TAKES} (sft serve takes nothing), and takes no name that begins with a dot`
  return {
    'refused by policy': receipt ? `it may be that this receiver gives no receipts; otherwise, ${who}` : who,
    'too large': 'the receiver sets the limit: its --max-size, --max-total or policy',
    exists: 'the receiver decides: its --force replaces, its --rename keeps both; here --name gives it another name'
  }
}

/** @throws SftError ERR_SFT_PROTOCOL unless it accepts this request, in one of these kinds. */
export function requireAcceptance(frame: ReceivedFrame, request: number, kinds: readonly AcceptKind[]) {
  const accepted = acceptance.decode(frame.body)
  if (
    accepted.request !== request ||
    (accepted.kind === 'start' ? accepted.receipt !== undefined : accepted.offset !== 0) ||
    (accepted.prefix !== undefined && (accepted.kind !== 'start' || accepted.offset === 0)) ||
    (accepted.givenUp !== undefined && (accepted.kind !== 'start' || accepted.offset !== 0)) ||
    !kinds.includes(accepted.kind)
  ) {
    throw new SftError('ERR_SFT_PROTOCOL', 'the peer accepted something else than what was offered')
  }
  return accepted
}

interface Asked {
  readonly request: number
  readonly outgoing: Outgoing
  readonly size: number | undefined
  readonly fileId: Uint8Array | undefined
  /** To show what it has. */
  readonly verify: 1 | undefined
}

/** Where a peer that accepts an offer wants it to begin. @throws SftError ERR_SFT_PROTOCOL for what it can not have, or was not asked to show. */
export function requireStart(frame: ReceivedFrame, { request, outgoing, size, fileId, verify }: Asked) {
  const { offset, id = fileId, givenUp, prefix: proof } = requireAcceptance(frame, request, ['start'])
  const most = size ?? outgoing.replay?.read ?? 0
  if (offset > 0 && !(outgoing.tree ? id : fileId && offset <= most))
    throw new SftError('ERR_SFT_PROTOCOL', 'the peer has more of the file than there is')
  if (offset > 0 && (proof === undefined) !== (verify === undefined))
    throw new SftError('ERR_SFT_PROTOCOL', 'the peer shows what nobody asked for, or not what was asked for')
  return { offset, id, givenUp, proof }
}

/** True when the peer has done this job already (SPEC §8.8). */
export function isDoneBefore({ type, body }: ReceivedFrame): boolean {
  return type === 'RSCI' && refusal.decode(body) === 'done before'
}

/** The error that a refused request is for the one who asked. */
export function refused(frame: ReceivedFrame, hints: Hints = {}): SftError {
  const reason = refusal.decode(frame.body)
  const code = REFUSAL_ERRORS[reason] ?? 'ERR_SFT_REFUSED_BY_PEER'
  const hint = hints[reason]
  return new SftError(code, `the peer refused: ${reason}`, hint === undefined ? {} : { hint })
}

/** What the peer is told about the reason for refusing its offer. */
export function refusalFor(code: SftErrorCode): Refusal {
  if (code === 'ERR_SFT_EXISTS') return 'exists'
  if (code === 'ERR_SFT_LIMIT') return 'too large'
  if (code === 'ERR_SFT_BUSY') return 'busy'
  return 'refused by policy'
}

/** What the peer is told about the error that ends a transfer; `fileFault` for one of the file on this side. */
export function abortReason(code: SftErrorCode, fileFault: Abort): Abort {
  if (code === 'ERR_SFT_SOURCE_CHANGED') return 'source changed'
  if (
    code === 'ERR_SFT_FILE' ||
    code === 'ERR_SFT_REPLAY' ||
    code === 'ERR_SFT_EXISTS' ||
    code === 'ERR_SFT_OUTPUT_CLOSED'
  )
    return fileFault
  if (code === 'ERR_SFT_TIMEOUT') return 'timeout'
  if (code === 'ERR_SFT_CANCELLED') return 'cancelled'
  if (code === 'ERR_SFT_CONNECTION_LOST') return 'connection lost'
  return code.startsWith('ERR_SFT_CHUNK_') || code === 'ERR_SFT_FINAL' ? 'integrity' : 'protocol'
}
