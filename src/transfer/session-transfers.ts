import { type Abort, acceptance } from '../auth/session/handshake-messages.ts'
import type { SecureDuplex } from '../auth/session/secure-duplex.ts'
import { SftError } from '../streams/errors.ts'
import type { Metadata } from '../streams/header.ts'
import { count } from '../streams/stdio.ts'
import type { ReceivedFrame } from '../streams/types.ts'
import type { Begun, Destination } from './destination.ts'
import { isSameFile } from './file-id.ts'
import { isResumable, type Outgoing } from './outgoing.ts'
import { isWorthless } from './partial.ts'
import { isProved } from './prefix.ts'
import type { ExpectedReceipt, OwedReceipt } from './receipt-parties.ts'
import type { TransferResult } from './requests.ts'
import { type KeptOptions, type RestartOptions, restartOf } from './restart.ts'
import type { Incoming, SessionStreams } from './session-streams.ts'
import { costOf } from './strict.ts'
import { unlessRefused } from './unless-refused.ts'
import { abortReason, requireAcceptance } from './verdicts.ts'

/** One transfer of a session, once both sides have agreed on it: the stream, and what the receiver says at its end (SPEC §8). */

export interface SendTask extends RestartOptions, KeptOptions {
  readonly request: number
  readonly outgoing: Outgoing
  /** Bytes that the peer has. */
  readonly offset: number
  /** What it has them of, in its words. */
  readonly known?: Uint8Array | undefined
  /** Bytes of another state that the peer gives up. */
  readonly givenUp?: number | undefined
  /** Shows what those bytes are, where that is to be compared with the source, as it is here (M85). */
  readonly prefix?: { readonly proof: Uint8Array; readonly of: Outgoing } | undefined
  readonly expected?: ExpectedReceipt | undefined
}

export interface ReceiveTask extends RestartOptions {
  readonly request: number
  /** The `STRM` it begins with. */
  readonly strm: ReceivedFrame
  readonly destination: Destination
  /** What this side has said that it has. */
  readonly begun?: Begun | undefined
  /** Bytes of another state that this side gives up. */
  readonly givenUp?: number | undefined
  readonly owed?: OwedReceipt | undefined
}

export class SessionTransfers {
  readonly #session: SecureDuplex
  readonly #streams: SessionStreams

  constructor(session: SecureDuplex, streams: SessionStreams) {
    this.#session = session
    this.#streams = streams
  }

  /** The peer's next message. @throws SftError ERR_SFT_CONNECTION_LOST when it ends the session instead. */
  async read(): Promise<ReceivedFrame> {
    const frame = await this.#session.read()
    if (frame === undefined)
      throw new SftError('ERR_SFT_CONNECTION_LOST', 'the peer ended the session before it answered')
    return frame
  }

  /** Sends what the peer has not; fulfils once it has said `durable` or `delivered` (M36). */
  async send(task: SendTask): Promise<TransferResult> {
    const { request, outgoing, offset, known, givenUp, expected, onRestart, onKept = () => {} } = task
    const next = this.read()
    // it is waited for below, and may fail before
    next.catch(() => undefined)
    const id = await this.#streams.idAt(outgoing, offset)
    const same = isSameFile(id, known)
    const start = same && (await this.#isProved(task, next)) ? this.#streams.startFor(offset) : 0
    const restart = restartOf({ start, chunkSize: this.#streams.plainChunk, begun: { bytes: offset }, givenUp, same })
    if (restart) onRestart?.(restart)
    const counted = { bytes: start }
    const source: Outgoing['source'] = signal => count(outgoing.source(signal, start), counted)
    const told = outgoing.tree && start === 0 ? undefined : id
    const { streamId, answer } = await this.#sendUnlessRefused({ ...outgoing, source }, { start, told, next }).catch(
      error => {
        onKept(isResumable(outgoing) && !isWorthless(error) ? counted.bytes : 0)
        throw error
      }
    )
    const { kind, receipt } = requireAcceptance(answer, request, ['durable', 'delivered'])
    if (receipt && !expected) throw new SftError('ERR_SFT_PROTOCOL', 'the peer gave a receipt that nobody wanted')
    const signed = expected && { receipt: expected.check(receipt, streamId) }
    const { metadata, tree } = outgoing
    const entries = tree && { tree: { ...tree.counts } }
    const connections = this.#session.stripes.carried
    const cost = costOf(this.#streams.protection, counted.bytes - start)
    return { ...counted, ...cost, ...signed, ...entries, resumedAt: start, restart, kind, metadata, connections }
  }

  /** Takes a stream to its destination, and says so to the peer. */
  async receive({ request, strm, destination, begun, givenUp, owed, onRestart }: ReceiveTask): Promise<TransferResult> {
    try {
      const incoming: Incoming = await this.#streams.receive(strm)
      const { streamId, metadata, start, chunkSize, protection, source } = incoming
      requireContinuation(start, metadata, begun)
      const same = isSameFile(metadata.fileId, begun?.id)
      const restart = restartOf({ start, chunkSize, begun, givenUp, same })
      if (restart) onRestart?.(restart)
      destination.onProtection?.(protection)
      const { bytes: rest, tree, renamed } = await destination.sink(metadata, start)(source)
      const { kind } = destination
      const receipt = await owed?.sign(streamId)
      await this.#session.write('ACPT', acceptance.encode({ request, kind, offset: 0, receipt }))
      const result = { bytes: start + rest, ...costOf(protection, rest), resumedAt: start, restart, kind, metadata }
      return {
        ...result,
        ...(tree && { tree }),
        ...(renamed && { renamed }),
        connections: this.#session.stripes.carried
      }
    } catch (error) {
      await this.giveUp(error, 'write error')
      throw error
    }
  }

  async #sendUnlessRefused(
    outgoing: Outgoing,
    { start, told, next }: { start: number; told: Uint8Array | undefined; next: Promise<ReceivedFrame> }
  ): Promise<{ streamId: Uint8Array; answer: ReceivedFrame }> {
    const send = (signal: AbortSignal): Promise<Uint8Array> => this.#streams.send(outgoing, signal, start, told)
    const streamId = await unlessRefused(next, send, error => this.giveUp(error, 'read error'))
    return { streamId, answer: await next }
  }

  /** Whether the peer has what it says, or nobody wants to know. */
  async #isProved({ prefix, offset }: SendTask, next: Promise<ReceivedFrame>): Promise<boolean> {
    if (!prefix || offset === 0) return true
    const { proof, of: outgoing } = prefix
    const compare = (signal: AbortSignal) => isProved(this.#session, { outgoing, bytes: offset, proof }, signal)
    return unlessRefused(next, compare, error => this.giveUp(error, 'read error'))
  }

  /** Tells the peer why the transfer ends here; the session ends with it. */
  async giveUp(error: unknown, fileFault: Abort): Promise<void> {
    const known = SftError.is(error)
      ? error
      : new SftError('ERR_SFT_CANCELLED', 'the transfer was cancelled', { cause: error })
    await this.#session.abort(abortReason(known.code, fileFault), known)
  }
}

/** M64: a stream goes on where this side has the bytes before it, of the same state of the same file. */
function requireContinuation(start: number, { fileId }: Metadata, begun: Begun | undefined): void {
  if (start === 0) return
  if (!(begun && start <= begun.bytes && isSameFile(fileId, begun.id)))
    throw new SftError('ERR_SFT_PROTOCOL', 'the peer continues what this side has not')
}
