import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { AuditLog } from './audit-log.ts'
import { Auditor } from './auditor.ts'
import type { EventOptions } from './events.ts'
import { acceptGuarded, type Denial, type Guard } from './guarded.ts'
import type { Senders } from './inbox.ts'
import type { ListenEvent } from './listen.ts'
import { acceptMessages, type MessageOptions } from './message.ts'
import type { MeteredStage } from './meter.ts'
import type { Outgoing } from './outgoing.ts'
import type { Policy } from './policy.ts'
import type { Answers } from './requests.ts'
import { Watches } from './watches.ts'

/** Where an engine listens, who may ask there, and who is told. */

export interface ListenAddress extends EventOptions {
  /** Default: every address of this machine. */
  host?: string | undefined
  port: number
  /** Who may what; without one every member may get what is served, and those named may send. */
  policy?: Policy | undefined
  /** Where every session, transfer and refusal is written; once that fails, nothing is answered any more. The caller closes it. */
  audit?: AuditLog | undefined
}

type Accept = NonNullable<Answers['accept']>

/** Who is told of what happens at one listener. */
export interface Listening extends Guard {
  readonly auditor: Auditor | undefined
  readonly watches: Watches
  readonly tell: (event: ListenEvent | Denial) => void
}

export function listeningOf(
  { policy, audit, onEvent, onProgress }: Pick<ListenAddress, 'policy' | 'audit'> & EventOptions,
  boundBy?: () => MeteredStage | undefined
): Listening {
  const watches = new Watches({ onEvent, onProgress }, boundBy)
  const auditor = audit && new Auditor(audit, error => watches.event({ type: 'fault', peer: undefined, error }))
  const tell = (event: ListenEvent | Denial): void => {
    auditor?.event(event)
    watches.event(event)
  }
  return { policy, auditor, watches, tell, onDenied: tell }
}

/** Opens as before; the audit, and whoever wants to know, are told of what leaves. */
export function toldOutgoing<T extends Outgoing>(
  { auditor, watches }: Listening,
  { found, place }: { found: T; place: string },
  peer: PeerIdentity
): T {
  return watches.outgoing(auditor?.outgoing(found, place, peer) ?? found, place || '.', peer)
}

/** Accepts as before; the audit, and whoever wants to know, are told of what comes in. */
export function toldIncoming(accept: Accept, { auditor, watches }: Listening): Accept {
  if (auditor === undefined) return watches.accepting(accept)
  return watches.accepting(async (offer, peer) => {
    auditor.check()
    return auditor.destination(await accept(offer, peer), offer.name, peer)
  })
}

/** Takes messages as files are taken, under the policy and into the audit; nothing where nobody wants them. */
export function messagesFor(
  { from, onMessage }: MessageOptions & { from: Senders },
  listening: Listening
): Answers['message'] {
  if (onMessage === undefined) return undefined
  return toldIncoming(acceptGuarded(acceptMessages({ from, onMessage }), listening, 'message'), listening)
}
