import { SftError } from '../../streams/errors.ts'
import { CLOCK_SKEW, type PeerIdentity } from '../certificates/path.ts'
import type { PublicIdentity } from '../identity/identity.ts'
import { requireNotRevoked } from '../identity/member.ts'
import { type AnnouncedLists, ListExchange } from './list-exchange.ts'

export interface StandingOptions {
  readonly peer: PeerIdentity
  readonly lists: AnnouncedLists
  /** Who asks. */
  readonly identity: PublicIdentity
  readonly now: () => Date
  /** Told of each later list, by whoever it came. */
  readonly onNews: () => void
}

/** Whether the peer of a session is still one, after the handshake (SPEC §4.8). */
export class PeerStanding {
  readonly exchange: ListExchange
  readonly #options: StandingOptions
  readonly #unwatch: (() => void) | undefined

  constructor(options: StandingOptions) {
    const { revocations } = options.identity
    this.exchange = new ListExchange(revocations, options.lists)
    this.#options = options
    this.#unwatch = revocations?.watch(options.onNews)
  }

  /**
   * M55: what goes on is ended by a revocation only.
   *
   * @throws SftError ERR_SFT_CERT_REVOKED.
   */
  requireNotRevoked(): void {
    const { identity, peer, now } = this.#options
    requireNotRevoked(identity, peer, { now: now(), known: false })
  }

  /**
   * M55: nothing new is begun with a peer whom a handshake would refuse by now.
   *
   * @throws SftError ERR_SFT_CERT_REVOKED, ERR_SFT_CERT_EXPIRED, ERR_SFT_CRL.
   */
  requireCurrent(): void {
    const { identity, peer, now } = this.#options
    if (now().getTime() > peer.notAfter.getTime() + CLOCK_SKEW)
      throw new SftError('ERR_SFT_CERT_EXPIRED', 'the certificate of the peer has expired meanwhile')
    requireNotRevoked(identity, peer, { now: now() })
  }

  stop(): void {
    this.#unwatch?.()
  }
}
