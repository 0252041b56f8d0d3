import { SftError } from '../../streams/errors.ts'
import { MAX_CRL } from '../certificates/crl.ts'
import type { KnownList, Revocations } from '../identity/revocations.ts'
import { listPiece, PIECE_BYTES } from './list-messages.ts'

/** How two peers keep each other's revocation lists up to date (SPEC §4.8): numbers in `SECE`, lists in `CRLN`. */

/** CRL numbers by issuer, as both sides have said them in `SECE`; undefined from a side that takes no lists. */
export interface AnnouncedLists {
  readonly ours: ReadonlyMap<string, number> | undefined
  readonly theirs: ReadonlyMap<string, number> | undefined
}

/** What to say of one's lists in `SECE`: those that are still good. */
export function announce(revocations: Revocations | undefined): AnnouncedLists['ours'] {
  return revocations && new Map(currentLists(revocations).map(({ issuerId, list }) => [issuerId, list.number]))
}

/** The issuers of whom the peer has a later list, which it will send. */
export function awaitedLists({ ours, theirs }: AnnouncedLists): string[] {
  if (ours === undefined || theirs === undefined) return []
  return [...theirs].filter(([issuer, number]) => number > (ours.get(issuer) ?? 0)).map(([issuer]) => issuer)
}

/** One session's share of it. Memory: one list that is coming in, at most 1 MiB. */
export class ListExchange {
  readonly #revocations: Revocations | undefined
  /** What the peer has, as far as we know; undefined when it takes none. */
  readonly #theirs: Map<string, number> | undefined
  readonly #brought = new Map<string, number>()
  readonly #awaited: Set<string>
  #incoming: { issuer: Uint8Array; list: Uint8Array; filled: number } | undefined

  constructor(revocations: Revocations | undefined, announced: AnnouncedLists) {
    this.#revocations = revocations
    this.#theirs = revocations && announced.theirs && new Map(announced.theirs)
    this.#awaited = new Set(awaitedLists(announced))
  }

  /** True while the peer has said to have later lists, and has not sent them: nothing may be begun before (M54). */
  get awaiting(): boolean {
    return this.#awaited.size > 0
  }

  /** The bodies of `CRLN` with which the peer has what we have; each list once. */
  *due(): Generator<Uint8Array, void, undefined> {
    if (this.#revocations === undefined || this.#theirs === undefined) return
    for (const known of currentLists(this.#revocations)) {
      const { issuerId, list } = known
      if (list.number <= (this.#theirs.get(issuerId) ?? 0)) continue
      this.#theirs.set(issuerId, list.number)
      yield* piecesOf(known)
    }
  }

  /**
   * Takes the body of a `CRLN`, and learns the list once it is whole.
   *
   * @throws SftError ERR_SFT_FRAME_TYPE when we said that we take none; ERR_SFT_ENCODING; ERR_SFT_PROTOCOL for a list of nobody here, or one that
   *   is no later than the last one of this issuer in this session.
   */
  async take(body: Uint8Array): Promise<void> {
    if (this.#revocations === undefined) throw new SftError('ERR_SFT_FRAME_TYPE', 'a revocation list was not asked for')
    const incoming = this.#append(body)
    if (incoming.filled < incoming.list.byteLength) return
    this.#incoming = undefined
    const { issuerId, number } = await this.#revocations.learn(incoming.list, incoming.issuer).catch(notAList)
    if (number <= (this.#brought.get(issuerId) ?? -1)) throw protocol('the peer sent a revocation list again')
    this.#brought.set(issuerId, number)
    this.#awaited.delete(issuerId)
    this.#theirs?.set(issuerId, Math.max(number, this.#theirs.get(issuerId) ?? 0))
  }

  #append(body: Uint8Array): { issuer: Uint8Array; list: Uint8Array; filled: number } {
    const { issuer, size, offset, piece } = listPiece.decode(body)
    if (offset === 0 && issuer !== undefined && this.#incoming === undefined) {
      if (size > MAX_CRL) throw protocol('the peer sent a revocation list that is too long')
      this.#incoming = { issuer, list: new Uint8Array(size), filled: 0 }
    }
    const incoming = this.#incoming
    const follows = incoming?.filled === offset && (issuer === undefined) === offset > 0
    if (!incoming || !follows || size !== incoming.list.byteLength || offset + piece.byteLength > size)
      throw protocol('the peer sent a revocation list in disorder')
    incoming.list.set(piece, offset)
    incoming.filled += piece.byteLength
    return incoming
  }
}

function currentLists(revocations: Revocations): readonly KnownList[] {
  return revocations.lists.filter(({ issuerId }) => revocations.isCurrent(issuerId))
}

function* piecesOf({ issuer, der }: KnownList): Generator<Uint8Array, void, undefined> {
  const size = der.byteLength
  for (let offset = 0; offset < size; offset += PIECE_BYTES) {
    const piece = der.subarray(offset, offset + PIECE_BYTES)
    yield listPiece.encode({ ...(offset === 0 ? { issuer } : {}), size, offset, piece })
  }
}

function notAList(cause: unknown): never {
  throw new SftError('ERR_SFT_PROTOCOL', 'the peer sent what is no revocation list of the organisation', { cause })
}

function protocol(message: string): SftError {
  return new SftError('ERR_SFT_PROTOCOL', message)
}
