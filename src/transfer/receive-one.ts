import { SftError } from '../streams/errors.ts'
import type { Answers, Destination, TransferResult } from './file-session.ts'
import { requireAccepted } from './inbox.ts'
import { type Listener, type ListenOptions, listen } from './listen.ts'

export interface ReceiveOneOptions extends Omit<ListenOptions, 'answers' | 'onEvent'> {
  /** Names of peers to accept from. */
  from: readonly string[]
  destination: Destination
  /** Largest size in bytes that a peer may announce. */
  maxSize?: number | undefined
  /** Told once it listens. */
  onListening?: (listener: Listener) => void
  /** Told of connections that came to nothing; they end nothing. */
  onFault?: (peer: string | undefined, error: unknown) => void
  signal?: AbortSignal | undefined
}

/** How long the one session may take to end in order after its transfer, in ms. */
const GOODBYE_MS = 3000

/**
 * Listens until one transfer has come in from an accepted sender, and ends. The first accepted offer has the destination; others are told
 * `busy`. Strangers and failed handshakes end nothing; a failure of the accepted transfer is the result.
 */
export async function receiveOne(options: ReceiveOneOptions): Promise<TransferResult & { peer: string }> {
  const { from, destination, maxSize = Number.POSITIVE_INFINITY, onListening, onFault, signal } = options
  const outcome = Promise.withResolvers<TransferResult & { peer: string }>()
  let taken: string | undefined
  const accept: Answers['accept'] = async (offer, peer) => {
    requireAccepted(peer, from)
    if (taken !== undefined) throw new SftError('ERR_SFT_BUSY', 'this receiver takes one transfer')
    if ((offer.size ?? 0) > maxSize) throw new SftError('ERR_SFT_LIMIT', 'more than this receiver takes')
    taken = peer.name
    return destination
  }
  const listener = await listen({
    ...options,
    answers: { accept },
    onEvent: event => {
      if (event.type === 'transfer') outcome.resolve(event)
      else if (event.peer !== undefined && event.peer === taken) outcome.reject(event.error)
      else onFault?.(event.peer, event.error)
    }
  })
  const cancel = (): void => outcome.reject(signal?.reason)
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    onListening?.(listener)
    return await outcome.promise
  } finally {
    signal?.removeEventListener('abort', cancel)
    await listener.close({ drain: signal?.aborted ? 0 : GOODBYE_MS })
  }
}
