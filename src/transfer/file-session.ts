import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { Identity } from '../auth/identity/identity.ts'
import { acceptance, fileOffer, fileRequest, type Refusal, refusal } from '../auth/session/handshake-messages.ts'
import type { SecureDuplex } from '../auth/session/secure-duplex.ts'
import { SftError } from '../streams/errors.ts'
import type { ReceivedFrame } from '../streams/types.ts'
import { atMost } from './at-most.ts'
import type { Begun, Destination } from './destination.ts'
import { isSameFile } from './file-id.ts'
import { MESSAGE } from './message.ts'
import { acceptorFor, asAccepted, begunOf, wholeOf } from './offers.ts'
import { resultBefore } from './once.ts'
import type { Outgoing } from './outgoing.ts'
import { afterReading, proofOf } from './prefix.ts'
import { ExpectedReceipt, OwedReceipt } from './receipt-parties.ts'
import type { AnsweredTransfer, Answers, Offer, PutOptions, TransferResult, Wanted } from './requests.ts'
import { SessionStreams, type SessionStreamsOptions } from './session-streams.ts'
import { SessionTransfers } from './session-transfers.ts'
import { TREE } from './tree/entry.ts'
import { decodeFilter, encodeFilter } from './tree/filter.ts'
import { unlessRefused } from './unless-refused.ts'
import { isDoneBefore, PULL_HINTS, pushHints, refusalFor, refused, requireStart } from './verdicts.ts'

/** Pull and push over one session (SPEC §8), from either side. */

/** SPEC §8. */
const MAX_PATH_BYTES = 4096
/** ms in which a peer that has its answer says so, before this side ends. */
const NOTED_MS = 1000

export class FileSession implements AsyncDisposable {
  readonly session: SecureDuplex
  readonly #streams: SessionStreams
  readonly #transfers: SessionTransfers
  readonly #identity: Identity
  #requests = 0
  #busy = false
  /** What the peer has the answer of once it goes on, or ends in order. */
  #answered: Destination | undefined
  #draining = false
  #next: Promise<ReceivedFrame | undefined> | undefined

  constructor(options: SessionStreamsOptions) {
    this.session = options.session
    this.#streams = new SessionStreams(options)
    this.#transfers = new SessionTransfers(options.session, this.#streams)
    this.#identity = options.identity
  }

  get peer(): PeerIdentity {
    return this.session.peer
  }

  /**
   * Asks the peer for a file and writes it to `destination`; resolves once the file is complete there and the peer has been told.
   *
   * @param path 1 to 4,096 bytes
   * @param wanted a directory comes as its archive
   * @throws SftError ERR_SFT_NOT_FOUND for every reason the peer has not to send it; ERR_SFT_USAGE; the codes of the sink and of the stream.
   */
  async get(path: string, destination: Destination, wanted: Wanted = {}): Promise<TransferResult> {
    if (path === '' || Buffer.byteLength(path) > MAX_PATH_BYTES)
      throw new SftError('ERR_SFT_USAGE', 'a path to ask for has 1 to 4,096 bytes')
    const request = ++this.#requests
    const stripes = this.session.stripes.name('receiving')
    const begun = await destination.begun?.()
    const { bytes: offset = 0, id } = begun ?? {}
    const { tree, onRestart, verifyPrefix } = wanted
    const asked = tree && { tree: 1, filter: encodeFilter(tree) }
    const early = verifyPrefix ? this.#transfers.read() : undefined
    const prefix = early && (await this.#proofOf(destination, begun, early))
    await this.session.write(
      'RQFL',
      fileRequest.encode({ request, path, offset, stripes, fileId: id, ...asked, prefix })
    )
    const answer = await afterReading(prefix && offset, early ?? this.#transfers.read())
    if (answer.type === 'RSCI') throw refused(answer, tree ? {} : PULL_HINTS)
    return this.#transfers.receive({ request, strm: answer, destination, begun, onRestart })
  }

  /**
   * Offers a file to the peer and sends it; resolves only once the peer has said `durable` or `delivered` (M36).
   *
   * @throws SftError ERR_SFT_PUSH_REFUSED, ERR_SFT_EXISTS, and the codes of the source; ERR_SFT_SIGNATURE for a receipt that is not of this transfer.
   */
  async put(offer: Offer, given: Outgoing, options: PutOptions = {}): Promise<TransferResult> {
    const expected = options.receipt ? new ExpectedReceipt(this.#parties(offer)) : undefined
    const outgoing = expected?.outgoing(given) ?? given
    const request = ++this.#requests
    const stripes = this.session.stripes.name('sending')
    const fileId = this.#streams.idOf(outgoing)
    const content = outgoing.tree ? TREE : offer.content
    const verify = options.verifyPrefix && fileId ? 1 : undefined
    const asked = { verify, ...(expected && { receipt: 1 }) }
    await this.session.write('OFFR', fileOffer.encode({ request, ...offer, stripes, fileId, content, ...asked }))
    const answer = await afterReading(verify && offer.size, this.#transfers.read())
    if ((offer.job || (fileId && !expected && !verify)) && isDoneBefore(answer))
      return resultBefore(wholeOf(outgoing), outgoing.metadata)
    if (answer.type === 'RSCI')
      throw refused(answer, pushHints({ message: content === MESSAGE, receipt: expected !== undefined }))
    const what = { request, outgoing, size: offer.size, fileId, verify } as const
    const { offset, id, givenUp, proof } = requireStart(answer, what)
    const { onRestart, onKept } = options
    return this.#transfers.send({
      request,
      outgoing,
      offset,
      known: id,
      givenUp,
      prefix: proof && { proof, of: given },
      expected,
      onRestart,
      onKept
    })
  }

  /**
   * Answers the peer's requests, one after the other, until it closes the session or `drain` is called.
   *
   * @param onResult told of every transfer that ended well
   */
  async answer(answers: Answers, onResult: (result: AnsweredTransfer) => void = () => {}): Promise<void> {
    try {
      await this.#answerAll(answers, onResult)
    } finally {
      await this.#answered?.lost?.()
    }
  }

  async #answerAll(answers: Answers, onResult: (result: AnsweredTransfer) => void): Promise<void> {
    while (!this.#draining) {
      this.#next = this.#nextRequest()
      const frame = await this.#next
      if (frame === undefined) return
      this.#busy = true
      const pull = frame.type === 'RQFL'
      const result = await (pull ? this.#answerRequest(frame, answers) : this.#answerOffer(frame, answers))
      this.#busy = false
      if (result) onResult({ ...result, direction: pull ? 'sent' : 'received' })
    }
    if (this.#answered?.noted) await atMost(NOTED_MS, this.#nextRequest())
    await this.close()
  }

  /** Ends `answer` after the transfer under way, or at once when there is none. */
  async drain(): Promise<void> {
    this.#draining = true
    if (this.#answered?.noted && this.#next) await atMost(NOTED_MS, this.#next).catch(() => undefined)
    if (!this.#busy) await this.close()
  }

  async #nextRequest(): Promise<ReceivedFrame | undefined> {
    let frame: ReceivedFrame | undefined
    try {
      frame = await this.session.read()
    } catch (error) {
      if (this.#draining) return undefined
      throw error
    }
    const answered = this.#answered
    this.#answered = undefined
    await answered?.noted?.()
    return frame
  }

  close(): Promise<void> {
    return this.session.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.session.close()
  }

  /** Shows what is here of a file, unless the peer ends it first. */
  async #proofOf({ kept }: Destination, begun: Begun | undefined, next: Promise<ReceivedFrame>) {
    next.catch(() => undefined)
    if (!begun || !kept) return undefined
    const { bytes } = begun
    return await unlessRefused(next, signal => proofOf(this.session, { beginning: kept(bytes), bytes }, signal))
  }

  async #answerRequest(frame: ReceivedFrame, { open }: Answers): Promise<TransferResult | undefined> {
    const { request, path, offset, stripes, fileId, tree, filter, prefix: proof } = fileRequest.decode(frame.body)
    this.session.stripes.named('sending', stripes)
    const opened = await this.#orRefuse(async () => {
      if (!open) throw new SftError('ERR_SFT_NOT_FOUND', 'nothing is served here')
      return open(path, this.peer, tree === undefined ? {} : { tree: decodeFilter(filter) })
    }, 'not found')
    if (!opened) return undefined
    await using outgoing = opened
    const { size = Number.POSITIVE_INFINITY } = outgoing.metadata
    const prefix = proof && { proof, of: outgoing }
    return await this.#transfers.send({ request, outgoing, offset: Math.min(offset, size), known: fileId, prefix })
  }

  async #answerOffer(frame: ReceivedFrame, answers: Answers): Promise<Omit<AnsweredTransfer, 'direction'> | undefined> {
    const { request, stripes, receipt, verify, ...offer } = fileOffer.decode(frame.body)
    this.session.stripes.named('receiving', stripes)
    const destination = await this.#orRefuse(() =>
      acceptorFor(offer, receipt, answers)(asAccepted(offer, receipt ?? verify), this.peer)
    )
    if (!destination) return undefined
    if (destination.done !== undefined) {
      await this.session.write('RSCI', refusal.encode('done before'))
      this.#answered = destination
      return undefined
    }
    this.#answered = destination
    const tree = offer.content === TREE
    const there = await this.#orRefuse(async () => ({
      begun: await begunOf(offer, destination, receipt !== undefined || verify !== undefined)
    }))
    if (!there) return undefined
    const { begun } = there
    const known = tree || isSameFile(begun?.id, offer.fileId) ? begun : undefined
    const givenUp = known ? undefined : begun?.bytes
    const early = verify ? this.#transfers.read() : undefined
    const prefix = early && (await this.#proofOf(destination, known, early))
    const has = { offset: known?.bytes ?? 0, id: tree ? known?.id : undefined, givenUp, prefix }
    await this.session.write('ACPT', acceptance.encode({ request, kind: 'start', ...has }))
    const owed = receipt ? new OwedReceipt(this.#parties(offer)) : undefined
    const result = await this.#transfers.receive({
      request,
      strm: await afterReading(prefix && known?.bytes, early ?? this.#transfers.read()),
      destination: owed?.destination(destination) ?? destination,
      begun: known,
      givenUp,
      owed
    })
    // the name it was accepted under; what the stream itself says binds nobody
    const content = offer.content === MESSAGE ? ({ content: 'message' } as const) : {}
    return { ...result, ...content, metadata: { ...result.metadata, name: offer.name } }
  }

  async #orRefuse<T>(run: () => Promise<T>, always?: Refusal): Promise<T | undefined> {
    try {
      return await run()
    } catch (error) {
      if (!SftError.is(error)) throw error
      await this.session.write('RSCI', refusal.encode(always ?? refusalFor(error.code)))
      return undefined
    }
  }

  #parties({ name }: Offer) {
    return { identity: this.#identity, peer: this.peer, name }
  }
}
