import { type ExportOptions, type ExportRoot, openExportRoot } from './export-root.ts'
import { acceptGuarded } from './guarded.ts'
import { type InboxOptions, openInbox, type Senders } from './inbox.ts'
import { type ListenAddress, type Listening, messagesFor, toldIncoming, toldOutgoing } from './listening.ts'
import type { MessageOptions } from './message.ts'
import type { Meter } from './meter.ts'
import type { ReceiptOptions } from './receipt-parties.ts'
import type { Answers } from './requests.ts'
import { openServed } from './serving.ts'

/** What an engine does for peers that dial it: requests, offers and messages, of one session as of many. */

export interface AnswerOptions
  extends ListenAddress,
    ExportOptions,
    Omit<InboxOptions, 'from'>,
    MessageOptions,
    ReceiptOptions {
  /** Directory whose regular files members may get. Default: nothing is served. */
  serve?: string | undefined
  /** Directory that takes what those in `from` send. Default: no file is taken. */
  inbox?: string | undefined
  /** Names of peers to take files from; `members` for all of the organisation. Default: nobody. */
  from?: Senders | undefined
  /** Whose messages are taken, by somebody whose files may not be. Default: as `from`. */
  messagesFrom?: Senders | undefined
}

/** The answers, and the root that has to be closed after them. @throws SftError ERR_SFT_NOT_FOUND for a directory that can not be served. */
export async function answersFor(
  options: AnswerOptions,
  listening: Listening,
  meter: Meter | undefined
): Promise<{ answers: Answers; root: ExportRoot | undefined }> {
  const { serve, inbox, from = [], messagesFrom = from, onMessage, receipts } = options
  const accept = inbox === undefined ? undefined : inboxAnswer(inbox, { ...options, from }, listening, meter)
  const message = messagesFor({ from: messagesFrom, onMessage }, listening)
  const root = serve === undefined ? undefined : await openExportRoot(serve, options)
  const open = root && rootAnswer(root, listening, meter)
  return { answers: { ...(open && { open }), ...(accept && { accept }), message, receipts }, root }
}

function rootAnswer(root: ExportRoot, listening: Listening, meter: Meter | undefined): NonNullable<Answers['open']> {
  return async (path, peer, { tree }) => {
    listening.auditor?.check()
    const wanted = { tree: tree && listening.watches.tree(tree, peer), guard: listening }
    const told = toldOutgoing(listening, await openServed(root, path, peer, wanted), peer)
    return meter?.outgoing(told) ?? told
  }
}

function inboxAnswer(
  directory: string,
  options: InboxOptions,
  listening: Listening,
  meter: Meter | undefined
): NonNullable<Answers['accept']> {
  const accept = toldIncoming(acceptGuarded(openInbox(directory, options), listening), listening)
  return meter?.accepting(accept) ?? accept
}
