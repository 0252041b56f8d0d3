import type { PeerIdentity } from '../auth/certificates/path.ts'
import { SftError } from '../streams/errors.ts'
import { type Destination, through } from './destination.ts'
import { limitSize, requireAccepted, requireSize, type Senders } from './inbox.ts'
import { type Listener, type ListenOptions, listen } from './listen.ts'
import type { ReceiptOptions } from './receipt-parties.ts'
import type { Answers, Offer, TransferResult } from './requests.ts'

export interface ReceiveOneOptions extends Omit<ListenOptions, 'answers'>, ReceiptOptions {
  /** Names of peers to accept from; `members` for all of the organisation. */
  from: Senders
  /** Where it goes; a function, such as an inbox, decides for the offer or refuses it. */
  destination: Destination | ((offer: Offer, peer: PeerIdentity) => Promise<Destination>)
  /** Takes messages beside it, which end nothing; see `acceptMessages`. */
  message?: Answers['message']
  /** Most bytes to take, whatever a peer announces. */
  maxSize?: number | undefined
  /** Told once it listens. */
  onListening?: (listener: Listener) => void
  /** Told of connections that came to nothing; they end nothing. */
  onFault?: (peer: string | undefined, error: unknown) => void
  /** Ends the waiting. */
  signal?: AbortSignal | undefined
  /** ms that a transfer under way gets after `signal`, by its reason. Default 0. */
  drain?: ((reason: unknown) => number) | undefined
}

/** How long the one session may take to end in order after its transfer, in ms. */
const GOODBYE_MS = 3000

/**
 * Listens until one transfer has come in from an accepted sender, and ends. The first accepted offer has the destination; others are told
 * `busy`. Strangers, refused offers and failed handshakes end nothing; a failure of the accepted transfer is the result.
 *
 * @throws SftError what the accepted transfer failed with; ERR_SFT_CONNECT when the address can not be had; the reason of `signal`.
 */
export async function receiveOne(options: ReceiveOneOptions): Promise<TransferResult & { peer: string }> {
  const { onListening, onFault, signal, drain = () => 0 } = options
  signal?.throwIfAborted()
  const outcome = Promise.withResolvers<TransferResult & { peer: string }>()
  const place = onePlace(options)
  const listener = await listen({
    ...options,
    answers: { accept: place.accept, message: options.message, receipts: options.receipts },
    onEvent: event => {
      options.onEvent?.(event)
      if (event.type === 'transfer' && event.content === 'message') return
      if (event.type === 'transfer') outcome.resolve(event)
      else if (event.identity !== undefined && event.identity === place.takenBy()) outcome.reject(event.error)
      else onFault?.(event.peer, event.error)
    }
  })
  const stop = (): void => {
    const reason: unknown = signal?.reason
    void listener.close({ drain: drain(reason) }).then(() => outcome.reject(reason))
  }
  signal?.addEventListener('abort', stop, { once: true })
  try {
    onListening?.(listener)
    return await outcome.promise
  } finally {
    signal?.removeEventListener('abort', stop)
    await listener.close({ drain: GOODBYE_MS })
  }
}

/** Has one place, for the session whose offer is accepted first. */
function onePlace({ from, destination, maxSize = Number.POSITIVE_INFINITY }: ReceiveOneOptions) {
  let taken: PeerIdentity | undefined
  const accept: NonNullable<Answers['accept']> = async (offer, peer) => {
    requireAccepted(peer, from)
    if (taken !== undefined) throw new SftError('ERR_SFT_BUSY', 'this receiver takes one transfer')
    requireSize(offer.size, maxSize)
    taken = peer
    try {
      const given = typeof destination === 'function' ? await destination(offer, peer) : destination
      if (given.done !== undefined) taken = undefined
      return through(given, (sink, start) => limitSize(sink, maxSize - start))
    } catch (error) {
      taken = undefined
      throw error
    }
  }
  return { accept, takenBy: () => taken }
}
