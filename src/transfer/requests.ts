import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { AcceptKind } from '../auth/session/handshake-messages.ts'
import type { Metadata } from '../streams/header.ts'
import type { Destination, Written } from './destination.ts'
import type { Outgoing } from './outgoing.ts'
import type { SignedReceipt } from './receipt.ts'
import type { ReceiptOptions } from './receipt-parties.ts'
import type { KeptOptions, Restart, RestartOptions } from './restart.ts'
import type { Protected } from './strict.ts'
import type { FilterOptions } from './tree/filter.ts'

/** What peers ask for, offer and answer in a session (SPEC §8), and what comes of it. */

export interface Offer {
  /** One path component that the sender proposes. */
  name: string
  /** Bytes, when the sender knows. */
  size?: number | undefined
  /** Which state of which file it is; see `fileId`. */
  fileId?: Uint8Array | undefined
  /** What it is, if no file: `TREE` is the archive of a directory (SPEC §8.5), `MESSAGE` a message. */
  content?: number | undefined
  /** Which job it is, so that it is done once (SPEC §8.8): 32 bytes. */
  job?: Uint8Array | undefined
}

/** How something is asked for. */
export interface Wanted extends RestartOptions {
  /** A directory, and what of it. */
  tree?: FilterOptions | undefined
  /** Has the sender compare what is there of a file with its own before it goes on; not of a directory. Default false. */
  verifyPrefix?: boolean | undefined
}

/** What a responder does for a peer. Each either answers or throws an `SftError`, which the peer sees as a refusal only. */
export interface Answers extends ReceiptOptions {
  /** Opens what the peer asks for. Every refusal looks the same to the peer (M35). */
  open?: (path: string, peer: PeerIdentity, wanted: Wanted) => Promise<Outgoing & AsyncDisposable>
  /** Says where what the peer offers goes. */
  accept?: (offer: Offer, peer: PeerIdentity) => Promise<Destination>
  /** Says where a message goes; see `acceptMessages`. */
  message?: ((offer: Offer, peer: PeerIdentity) => Promise<Destination>) | undefined
}

export interface PutOptions extends RestartOptions, KeptOptions {
  /** Asks for a receipt, which is in the result. Default false. */
  receipt?: boolean | undefined
  /** Compares what the peer has of a file with what is here before it goes on; not of a directory. Default false. */
  verifyPrefix?: boolean | undefined
}

/** Makes a transfer happen once, however often it is asked for (SPEC §8.8). */
export interface JobOptions {
  /** 32 bytes, the same in every attempt, and of no other transfer. */
  readonly key: Uint8Array
  /** Notes that it is done, where the next attempt would look: only then the other side forgets that. */
  readonly note: (result: TransferResult) => Promise<void>
}

export interface TransferResult extends Protected {
  /** Plaintext bytes of the whole. */
  bytes: number
  /** Bytes of them that an earlier attempt had moved; 0 for a transfer from the beginning. */
  resumedAt: number
  /** Why those were given up that were there. */
  restart?: Restart | undefined
  kind: AcceptKind
  metadata: Omit<Metadata, 'created'>
  /** Connections that carried chunks of it: 1, or more with stripes. */
  connections: number
  /** Of a directory: its entries, and how many its sender had to leave out. */
  tree?: Written['tree']
  /** The name that it has got here in the place of its own, which was taken (M90). */
  renamed?: Written['renamed']
  /** Of a file that was sent with one, checked. */
  receipt?: SignedReceipt | undefined
  /** An earlier attempt had done all of it. */
  before?: true
}

export interface AnsweredTransfer extends TransferResult {
  direction: 'sent' | 'received'
  /** Absent for a file. */
  content?: 'message' | undefined
}
