import type { TransferEvent } from '../index.ts'
import { sayRestart } from './continuing.ts'
import { sayDenied } from './policy.ts'
import { reader } from './reader.ts'
import { say } from './terminal.ts'
import { sayTransfer } from './transfers.ts'
import { sayOmitted } from './trees.ts'

/** What commands that listen say of it. */

/** What `sayEvent` does not say with `-q`: what went well. */
export interface NewsFlags {
  quiet?: boolean
}

/** A line for each file that has moved, each connection that came to nothing and each refusal of the policy; who takes a message prints it. */
export function sayEvent(event: TransferEvent, { quiet }: NewsFlags = {}): void {
  reader()?.event(event)
  if (event.type === 'error') say(`connection of ${event.peer ?? 'a stranger'} failed: ${event.error.message}`)
  else if (event.type === 'denied') sayDenied(event)
  else if (event.type === 'omitted') sayOmitted(event)
  else if (event.type === 'end' && event.content !== 'message' && !quiet) {
    const {
      direction,
      peer = 'a pipe',
      name,
      entries,
      omitted = 0,
      kind = 'delivered',
      givenUp,
      reason = 'changed'
    } = event
    if (givenUp !== undefined) sayRestart(name ?? 'a stream', { reason, bytes: givenUp })
    const tree = entries === undefined ? undefined : { entries, omitted }
    sayTransfer(direction === 'sent' ? 'sent to' : 'received from', peer, name, { ...event, kind, tree })
  }
}
