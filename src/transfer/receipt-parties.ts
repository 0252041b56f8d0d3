import { createHash } from 'node:crypto'
import { spkiHash } from '../auth/certificates/keys.ts'
import { CLOCK_SKEW, type PeerIdentity } from '../auth/certificates/path.ts'
import type { Identity } from '../auth/identity/identity.ts'
import { SftError } from '../streams/errors.ts'
import type { Source } from '../streams/types.ts'
import type { Destination } from './destination.ts'
import type { Outgoing } from './outgoing.ts'
import { firstBytes } from './prefix.ts'
import { decodeReceipt, encodeReceipt, isReceiptOf, type SignedReceipt, signReceipt } from './receipt.ts'

/** The two ends of a receipt (SPEC §8.7). Each hashes the whole file as it passes, and what an earlier attempt has moved of it from its own disk. */

export interface ReceiptOptions {
  /** Signs a receipt for whoever sends a file and asks for it. Default true; otherwise such files are refused. */
  receipts?: boolean | undefined
}

export interface Parties {
  readonly identity: Identity
  readonly peer: PeerIdentity
  /** As it is offered. */
  readonly name: string
}

/** Who owes a receipt: gives it once the file is where it goes. */
export class OwedReceipt {
  readonly #parties: Parties
  readonly #whole = new Whole()

  constructor(parties: Parties) {
    this.#parties = parties
  }

  /** The same destination; what comes to it is hashed, after what it has already. That is read once the part is this transfer's alone. */
  destination(destination: Destination): Destination {
    const source = (rest: Source<Uint8Array>, start: number) =>
      this.#whole.hashed(rest, start, () => destination.kept?.(start) ?? [])
    return {
      ...destination,
      sink:
        (metadata, start = 0) =>
        rest =>
          destination.sink(metadata, start)(source(rest, start))
    }
  }

  /** M76: after the last byte is where it goes. */
  async sign(id: Uint8Array): Promise<Uint8Array> {
    const { identity, peer, name } = this.#parties
    const what = { id, name, ...this.#whole.end(), sender: peer.name, senderKey: peer.spkiHash }
    return encodeReceipt(await signReceipt(identity, what))
  }
}

/** Who is owed one: takes it only if it says what he knows himself. */
export class ExpectedReceipt {
  readonly #parties: Parties
  readonly #whole = new Whole()

  constructor(parties: Parties) {
    this.#parties = parties
  }

  /** The same source; it is hashed as it leaves, from its beginning also when it goes on elsewhere. */
  outgoing(outgoing: Outgoing): Outgoing {
    const before = (signal: AbortSignal, start: number) => firstBytes(outgoing, signal, start)
    return {
      ...outgoing,
      source: (signal, start = 0) =>
        this.#whole.hashed(outgoing.source(signal, start), start, () => before(signal, start))
    }
  }

  /**
   * M77.
   *
   * @throws SftError ERR_SFT_SIGNATURE unless it is of this transfer; ERR_SFT_PROTOCOL when there is none; ERR_SFT_ENCODING.
   */
  check(bytes: Uint8Array | undefined, id: Uint8Array): SignedReceipt {
    if (bytes === undefined) throw new SftError('ERR_SFT_PROTOCOL', 'the peer has taken the file and gave no receipt')
    const { identity, peer, name } = this.#parties
    const receipt = decodeReceipt(bytes)
    const { time } = receipt
    const own = { sender: identity.name, senderKey: spkiHash(identity.publicKey), receiver: peer.name }
    if (!isReceiptOf(receipt, { id, name, ...this.#whole.end(), ...own, time }, peer))
      throw new SftError('ERR_SFT_SIGNATURE', 'the peer has taken the file, but its receipt is not of this transfer')
    if (Math.abs(time - Date.now()) > CLOCK_SKEW)
      throw new SftError('ERR_SFT_SIGNATURE', 'the peer has taken the file, but its receipt has another time than now')
    return receipt
  }
}

/** Length and hash of a file of which a part may have been there. */
class Whole {
  readonly #hash = createHash('sha256')
  #bytes = 0
  #ended: { size: number; sha256: Uint8Array } | undefined

  /** The bytes of `rest`, which are borrowed until they are passed on; those of `before` are looked at first. */
  async *hashed(
    rest: Source<Uint8Array>,
    start: number,
    before: () => Source<Uint8Array>
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (start > 0) {
      for await (const piece of before()) this.#take(piece)
      if (this.#bytes !== start) throw new SftError('ERR_SFT_FILE', 'what an earlier attempt has moved is gone')
    }
    for await (const piece of rest) {
      // before it is handed over
      this.#take(piece)
      yield piece
    }
  }

  end(): { size: number; sha256: Uint8Array } {
    this.#ended ??= { size: this.#bytes, sha256: this.#hash.digest() }
    return this.#ended
  }

  #take(piece: Uint8Array): void {
    this.#hash.update(piece)
    this.#bytes += piece.byteLength
  }
}
