import type { PeerIdentity } from '../auth/certificates/path.ts'
import { rateLimit } from '../auth/server/rate-limit.ts'
import { SftError } from '../streams/errors.ts'
import type { Sink } from '../streams/types.ts'
import { requireAccepted, requireSize, type Senders } from './inbox.ts'
import type { Outgoing } from './outgoing.ts'
import type { Answers, Offer } from './requests.ts'

/** Messages: text of a member for a person (SPEC §8.6). Each is an offer of a kind of its own, so that who wants none never gets one. */

/** `content` of an offer that is a message. */
export const MESSAGE = 2
/** Bytes of UTF-8 (M79). */
export const MAX_MESSAGE = 64 * 1024
/** What stands in the place of a file's name. */
const NAME = 'message'
/** Of one sender, within a minute. */
const MESSAGES_A_MINUTE = 60
/** ms that whoever is given a message may take over it (M80). */
const TAKING_MS = 30_000

/** Takes a message; the sender is told that it was delivered once this is fulfilled, and that it was not when it rejects. `peer` is verified, `text` is whatever the peer likes. */
export type OnMessage = (text: string, peer: PeerIdentity) => void | Promise<void>

export interface MessageOptions {
  /** Default: messages are refused. */
  onMessage?: OnMessage | undefined
}

export interface AcceptMessagesOptions {
  /** Names of peers to accept from; `members` for all of the organisation. */
  from: Senders
  onMessage: OnMessage
  /** ms; 30,000 by default. */
  timeout?: number | undefined
}

/**
 * Makes the `message` of an `Answers`. Memory: 64 KiB for each message under way.
 *
 * @throws (each call) SftError ERR_SFT_SENDER, ERR_SFT_PUSH_REFUSED, ERR_SFT_LIMIT, ERR_SFT_BUSY: what the peer is refused for.
 */
export function acceptMessages(options: AcceptMessagesOptions): NonNullable<Answers['message']> {
  const mayCome = rateLimit({ attempts: MESSAGES_A_MINUTE })
  return async ({ size = 0 }, peer) => {
    requireAccepted(peer, options.from)
    if (size === 0) throw new SftError('ERR_SFT_PUSH_REFUSED', 'a message says its size, which is not 0')
    requireSize(size, MAX_MESSAGE)
    if (!mayCome(peer.name)) throw new SftError('ERR_SFT_BUSY', `${peer.name} sends more messages than one could read`)
    return { kind: 'delivered', sink: () => taking(size, peer, options) }
  }
}

/** Hands over the whole text, or nothing. */
function taking(
  size: number,
  peer: PeerIdentity,
  { onMessage, timeout = TAKING_MS }: AcceptMessagesOptions
): Sink<Uint8Array, { bytes: number }> {
  return async source => {
    const text = Buffer.alloc(size)
    let bytes = 0
    for await (const piece of source) {
      if (bytes + piece.byteLength > size) throw new SftError('ERR_SFT_LIMIT', 'a message is longer than it was to be')
      text.set(piece, bytes)
      bytes += piece.byteLength
    }
    if (bytes < size) throw new SftError('ERR_SFT_PROTOCOL', 'a message is shorter than it was to be')
    await within(timeout, onMessage(decode(text, 'ERR_SFT_ENCODING'), peer))
    return { bytes }
  }
}

/**
 * What is offered and sent for a text.
 *
 * @param text borrowed
 * @throws SftError ERR_SFT_USAGE for what is empty, too long, or no UTF-8.
 */
export function messageOf(text: string | Uint8Array): { offer: Offer; outgoing: Outgoing } {
  if (typeof text === 'string' && !text.isWellFormed()) throw noText('ERR_SFT_USAGE')
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text
  const size = bytes.byteLength
  if (size === 0 || size > MAX_MESSAGE)
    throw new SftError('ERR_SFT_USAGE', 'a message has 1 to 65,536 bytes', { hint: 'send what is longer as a file' })
  decode(bytes, 'ERR_SFT_USAGE')
  const offer = { name: NAME, size, content: MESSAGE }
  return { offer, outgoing: { metadata: { size }, file: true, owned: false, source: () => [bytes] } }
}

function decode(bytes: Uint8Array, code: 'ERR_SFT_ENCODING' | 'ERR_SFT_USAGE'): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw noText(code, cause)
  }
}

function noText(code: 'ERR_SFT_ENCODING' | 'ERR_SFT_USAGE', cause?: unknown): SftError {
  return new SftError(code, 'a message is text in UTF-8', { cause })
}

async function within(ms: number, taken: void | Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const error = new SftError('ERR_SFT_TIMEOUT', 'nobody took the message in time')
  const timer = setTimeout(() => late.reject(error), ms)
  try {
    await Promise.race([taken, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
