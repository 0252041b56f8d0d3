import type { AuditLog } from './audit-log.ts'
import { Auditor } from './auditor.ts'
import { acceptGuarded, type Denial, type Guard } from './guarded.ts'
import type { Senders } from './inbox.ts'
import type { ListenEvent } from './listen.ts'
import { acceptMessages, type MessageOptions } from './message.ts'
import type { Policy } from './policy.ts'
import type { Answers } from './requests.ts'

/** Where an engine listens, who may ask there, and who is told. */

/** What happened where an engine listens. */
export type EngineEvent = ListenEvent | Denial

export interface ListenAddress {
  /** Default: every address of this machine. */
  host?: string | undefined
  port: number
  onEvent?: (event: EngineEvent) => void
  /** Who may what; without one every member may get what is served, and those named may send. */
  policy?: Policy | undefined
  /** Where every session, transfer and refusal is written; once that fails, nothing is answered any more. The caller closes it. */
  audit?: AuditLog | undefined
}

type Accept = NonNullable<Answers['accept']>

/** Who is told of what happens at one listener. */
export interface Listening extends Guard {
  readonly auditor: Auditor | undefined
  readonly tell: (event: EngineEvent) => void
}

export function listeningOf({
  policy,
  audit,
  onEvent = () => {}
}: Pick<ListenAddress, 'policy' | 'audit' | 'onEvent'>): Listening {
  const auditor = audit && new Auditor(audit, error => onEvent({ type: 'fault', peer: undefined, error }))
  const tell = (event: EngineEvent): void => {
    auditor?.event(event)
    onEvent(event)
  }
  return { policy, auditor, tell, onDenied: tell }
}

/** Accepts as before; the audit knows what comes in. */
export function audited(accept: Accept, auditor: Auditor | undefined): Accept {
  if (auditor === undefined) return accept
  return async (offer, peer) => {
    auditor.check()
    return auditor.destination(await accept(offer, peer), offer.name, peer)
  }
}

/** Takes messages as files are taken, under the policy and into the audit; nothing where nobody wants them. */
export function messagesFor(
  { from, onMessage }: MessageOptions & { from: Senders },
  { policy, auditor, tell }: Listening
): Answers['message'] {
  if (onMessage === undefined) return undefined
  const guarded = acceptGuarded(acceptMessages({ from, onMessage }), { policy, onDenied: tell }, 'message')
  return audited(guarded, auditor)
}
