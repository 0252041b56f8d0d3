import { SftError } from '../streams/errors.ts'
import type { Begun, Destination } from './destination.ts'
import { MESSAGE } from './message.ts'
import type { Outgoing } from './outgoing.ts'
import type { Answers, Offer } from './requests.ts'
import { TREE } from './tree/entry.ts'

/** What an offer is to either side (SPEC §8). */

/** Bytes of what a peer has done before. */
export function wholeOf({ replay, metadata }: Outgoing): number | undefined {
  return replay ? replay.whole() : metadata.size
}

/** What is to be signed or compared is not taken for done before. */
export function asAccepted(offer: Offer, looked: number | undefined): Offer {
  return looked ? { ...offer, fileId: undefined } : offer
}

/** Who takes such an offer. @throws SftError ERR_SFT_PUSH_REFUSED when nobody does */
export function acceptorFor(
  { content }: Offer,
  receipt: number | undefined,
  { accept, message, receipts }: Answers
): NonNullable<Answers['accept']> {
  if (receipt && (content !== undefined || receipts === false))
    throw new SftError('ERR_SFT_PUSH_REFUSED', 'no receipt is given here')
  const taker = content === undefined || content === TREE ? accept : content === MESSAGE ? message : undefined
  if (!taker) throw new SftError('ERR_SFT_PUSH_REFUSED', 'nothing is received here')
  return taker
}

/** What is there already of what is offered; only if it can be read where that is `wanted`, as for a receipt, which is of the whole. */
export async function begunOf(
  { content, fileId }: Offer,
  { begun, kept }: Destination,
  wanted: boolean
): Promise<Begun | undefined> {
  if ((content !== TREE && !fileId) || (wanted && !kept)) return undefined
  return await begun?.()
}
