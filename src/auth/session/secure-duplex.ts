import type { SftError } from '../../streams/errors.ts'
import type { ReceivedFrame, SealedChunk } from '../../streams/types.ts'
import type { Suite } from '../../workers/construction.ts'
import type { PeerIdentity } from '../certificates/path.ts'
import type { Abort } from './handshake-messages.ts'
import type { Group } from './key-exchange.ts'
import type { Role } from './states.ts'
import type { Stripes } from './stripes.ts'

/** Time limits in milliseconds (M22). */
export interface Deadlines {
  /** A responder's wait for the first byte. */
  readonly firstByte: number
  /** The whole handshake, `RSCV` included. */
  readonly handshake: number
  /** A read without a byte from the peer. */
  readonly idle: number
  /** Silence of our own before a `PING`. */
  readonly ping: number
  /** Wait for the peer's end after our own. */
  readonly close: number
}

/** Types that an owner of a session writes as records; the session writes `PING`, `CLOS` and `ABRT` itself. */
export type RequestType = 'RQFL' | 'OFFR' | 'ACPT' | 'STRM' | 'RSCI'

/** An authenticated session (SPEC §6, §8, §9): whole frames, control frames as records, `RSFL` and `FINL` as their stream sealed them. */
export interface SecureDuplex extends AsyncDisposable {
  readonly role: Role
  readonly peer: PeerIdentity
  readonly suite: Suite
  readonly group: Group
  /** Largest chunk size in bytes that both sides take; an initiator knows the peer's once `accepted` has settled. */
  readonly maxChunkSize: number
  /** `exp` of SPEC §5, 32 bytes, borrowed: zeroed when the session ends. */
  readonly exporter: Uint8Array
  /** `sid` of SPEC §5, 32 bytes. */
  readonly sessionId: Uint8Array
  /** Its further connections (SPEC §8.1); none unless an initiator has opened some. */
  readonly stripes: Stripes
  /**
   * Settles when the responder has accepted the certificate; for a responder at once. The first `read` waits for it too.
   *
   * @throws SftError ERR_SFT_REFUSED_BY_PEER; ERR_SFT_HANDSHAKE when the peer closed instead.
   */
  accepted(): Promise<void>
  /**
   * Reads the next frame: a record's plaintext, or `RSFL` and `FINL` as they are; the caller owns the body. `undefined` after the peer's
   * `CLOS`. `PING` is skipped. One read at a time.
   *
   * @throws SftError what the peer's `ABRT` says; ERR_SFT_FRAME_TYPE, ERR_SFT_FRAME_TOO_LARGE, ERR_SFT_RECORD_AUTH, ERR_SFT_TIMEOUT;
   *   ERR_SFT_CONNECTION_LOST at an end without `CLOS`. The session is over then.
   */
  read(): Promise<ReceivedFrame | undefined>
  /**
   * Writes one record, at most 64 KiB; settles when the transport takes more.
   *
   * @param body plaintext, borrowed for the call
   * @throws SftError ERR_SFT_CONNECTION_LOST, ERR_SFT_TIMEOUT. A later `read` may still say why the peer left.
   */
  write(type: RequestType, body: Uint8Array): Promise<void>
  /**
   * Writes `RSFL` or `FINL` as its stream sealed it. Without stripes the pieces are borrowed until it settles; with stripes a chunk is handed over to the
   * connection that is free first. Throws like `write`.
   */
  writeSealed(frame: SealedChunk): Promise<void>
  /** Allows `RSFL` of the stream whose `STRM` was read last, with chunks of `size` bytes; until then none is taken. */
  expectChunks(size: number): void
  /**
   * Ends the session in order: `CLOS`, then waits a bounded time for the peer's end. In the middle of a transfer it is an `abort`. Never
   * rejects: what counts was confirmed before.
   */
  close(): Promise<void>
  /** Tells the peer why, and ends the session; every present and later call rejects with `error`. Never rejects, bounded like `close`. */
  abort(reason: Abort, error: SftError): Promise<void>
}
