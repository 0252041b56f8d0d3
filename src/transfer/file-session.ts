import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { Identity } from '../auth/identity/identity.ts'
import {
  type Abort,
  type AcceptKind,
  acceptance,
  fileOffer,
  fileRequest,
  type Refusal,
  refusal
} from '../auth/session/handshake-messages.ts'
import type { SecureDuplex } from '../auth/session/secure-duplex.ts'
import { SftError } from '../streams/errors.ts'
import type { Metadata } from '../streams/header.ts'
import { count } from '../streams/stdio.ts'
import type { ReceivedFrame } from '../streams/types.ts'
import { atMost } from './at-most.ts'
import type { Begun, Destination, Written } from './destination.ts'
import { isSameFile } from './file-id.ts'
import { MESSAGE } from './message.ts'
import type { SignedReceipt } from './receipt.ts'
import { ExpectedReceipt, OwedReceipt, type ReceiptOptions } from './receipt-parties.ts'
import { type Incoming, type Outgoing, SessionStreams, type SessionStreamsOptions } from './session-streams.ts'
import { TREE } from './tree/entry.ts'
import { decodeFilter, encodeFilter, type FilterOptions } from './tree/filter.ts'
import { abortReason, refusalFor, refused, requireAcceptance } from './verdicts.ts'

/** Pull and push over one session (SPEC §8), from either side. */

export interface Offer {
  /** One path component that the sender proposes. */
  name: string
  /** Bytes, when the sender knows. */
  size?: number | undefined
  /** Which state of which file it is; see `fileId`. */
  fileId?: Uint8Array | undefined
  /** What it is, if no file: `TREE` is the archive of a directory (SPEC §8.5), `MESSAGE` a message. */
  content?: number | undefined
}

/** How something is asked for. */
export interface Wanted {
  /** A directory, and what of it. */
  tree?: FilterOptions | undefined
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

export interface PutOptions {
  /** Asks for a receipt, which is in the result. Default false. */
  receipt?: boolean | undefined
}

export interface TransferResult {
  /** Plaintext bytes of the whole. */
  bytes: number
  /** Bytes of them that an earlier attempt had moved; 0 for a transfer from the beginning. */
  resumedAt: number
  kind: AcceptKind
  metadata: Omit<Metadata, 'created'>
  /** Connections that carried chunks of it: 1, or more with stripes. */
  connections: number
  /** Of a directory: its entries, and how many its sender had to leave out. */
  tree?: Written['tree']
  /** Of a file that was sent with one, checked. */
  receipt?: SignedReceipt | undefined
}

/** SPEC §8. */
const MAX_PATH_BYTES = 4096
const NO_RECEIPT = { 'refused by policy': 'it may be that this receiver gives no receipts' }
/** ms that a source gets to let go of its input after a failure. */
const CLOSE_GRACE_MS = 1000

export interface AnsweredTransfer extends TransferResult {
  direction: 'sent' | 'received'
  /** Absent for a file. */
  content?: 'message' | undefined
}

export class FileSession implements AsyncDisposable {
  readonly session: SecureDuplex
  readonly #streams: SessionStreams
  readonly #identity: Identity
  #requests = 0
  #busy = false
  #draining = false

  constructor(options: SessionStreamsOptions) {
    this.session = options.session
    this.#streams = new SessionStreams(options)
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
  async get(path: string, destination: Destination, { tree }: Wanted = {}): Promise<TransferResult> {
    if (path === '' || Buffer.byteLength(path) > MAX_PATH_BYTES)
      throw new SftError('ERR_SFT_USAGE', 'a path to ask for has 1 to 4,096 bytes')
    const request = ++this.#requests
    const stripes = this.session.stripes.name('receiving')
    const begun = await destination.begun?.()
    const { bytes: offset = 0, id } = begun ?? {}
    const asked = tree && { tree: 1, filter: encodeFilter(tree) }
    await this.session.write('RQFL', fileRequest.encode({ request, path, offset, stripes, fileId: id, ...asked }))
    const answer = await this.#read()
    if (answer.type === 'RSCI') throw refused(answer)
    return this.#receive(request, answer, destination, begun)
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
    await this.session.write(
      'OFFR',
      fileOffer.encode({ request, ...offer, stripes, fileId, content, ...(expected && { receipt: 1 }) })
    )
    const answer = await this.#read()
    if (answer.type === 'RSCI') throw refused(answer, expected && NO_RECEIPT)
    const { offset, id = fileId } = requireAcceptance(answer, request, ['start'])
    if (offset > 0 && !(outgoing.tree ? id : fileId && offset <= (offer.size ?? 0)))
      throw new SftError('ERR_SFT_PROTOCOL', 'the peer has more of the file than there is')
    return this.#send(request, outgoing, { offset, known: id, expected })
  }

  /**
   * Answers the peer's requests, one after the other, until it closes the session or `drain` is called.
   *
   * @param onResult told of every transfer that ended well
   */
  async answer(answers: Answers, onResult: (result: AnsweredTransfer) => void = () => {}): Promise<void> {
    while (!this.#draining) {
      const frame = await this.#nextRequest()
      if (frame === undefined) return
      this.#busy = true
      const pull = frame.type === 'RQFL'
      const result = await (pull ? this.#answerRequest(frame, answers) : this.#answerOffer(frame, answers))
      this.#busy = false
      if (result) onResult({ ...result, direction: pull ? 'sent' : 'received' })
    }
    await this.close()
  }

  /** Ends `answer` after the transfer under way, or at once when there is none. */
  async drain(): Promise<void> {
    this.#draining = true
    if (!this.#busy) await this.close()
  }

  async #nextRequest(): Promise<ReceivedFrame | undefined> {
    try {
      return await this.session.read()
    } catch (error) {
      if (this.#draining) return undefined
      throw error
    }
  }

  close(): Promise<void> {
    return this.session.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.session.close()
  }

  async #answerRequest(frame: ReceivedFrame, { open }: Answers): Promise<TransferResult | undefined> {
    const { request, path, offset, stripes, fileId, tree, filter } = fileRequest.decode(frame.body)
    this.session.stripes.named('sending', stripes)
    const opened = await this.#orRefuse(async () => {
      if (!open) throw new SftError('ERR_SFT_NOT_FOUND', 'nothing is served here')
      return open(path, this.peer, tree === undefined ? {} : { tree: decodeFilter(filter) })
    }, 'not found')
    if (!opened) return undefined
    await using outgoing = opened
    const { size = Number.POSITIVE_INFINITY } = outgoing.metadata
    return await this.#send(request, outgoing, { offset: Math.min(offset, size), known: fileId })
  }

  async #answerOffer(frame: ReceivedFrame, answers: Answers): Promise<Omit<AnsweredTransfer, 'direction'> | undefined> {
    const { request, stripes, receipt, ...offer } = fileOffer.decode(frame.body)
    this.session.stripes.named('receiving', stripes)
    const destination = await this.#orRefuse(async () => {
      const accept = acceptorFor(offer, answers)
      if (receipt && (offer.content !== undefined || answers.receipts === false))
        throw new SftError('ERR_SFT_PUSH_REFUSED', 'no receipt is given here')
      if (!accept) throw new SftError('ERR_SFT_PUSH_REFUSED', 'nothing is received here')
      return accept(offer, this.peer)
    })
    if (!destination) return undefined
    // a receipt is of the whole
    const continued = !receipt || destination.kept ? destination : { ...destination, begun: undefined }
    const tree = offer.content === TREE
    const begun = (tree || offer.fileId) && (await continued.begun?.())
    const known = begun && (tree || isSameFile(begun.id, offer.fileId)) ? begun : undefined
    const has = { offset: known?.bytes ?? 0, id: tree ? known?.id : undefined }
    await this.session.write('ACPT', acceptance.encode({ request, kind: 'start', ...has }))
    const owed = receipt ? new OwedReceipt(this.#parties(offer)) : undefined
    const result = await this.#receive(
      request,
      await this.#read(),
      owed?.destination(destination) ?? destination,
      known,
      owed
    )
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

  /** @param known what the peer has `offset` bytes of, in its words */
  async #send(
    request: number,
    outgoing: Outgoing,
    {
      offset,
      known,
      expected
    }: { offset: number; known?: Uint8Array | undefined; expected?: ExpectedReceipt | undefined }
  ): Promise<TransferResult> {
    const id = await this.#streams.idAt(outgoing, offset)
    const start = isSameFile(id, known) ? this.#streams.startFor(offset) : 0
    const counted = { bytes: start }
    const stop = new AbortController()
    const verdict = this.#read()
    const source = (signal: AbortSignal) => count(outgoing.source(signal, start), counted)
    const sending = this.#streams.send(
      { ...outgoing, source },
      stop.signal,
      start,
      outgoing.tree && start === 0 ? undefined : id
    )
    let streamId: Uint8Array
    try {
      streamId = await Promise.race([sending, raiseEarly(verdict)])
    } catch (error) {
      await this.#giveUp(error, 'read error')
      stop.abort(error)
      await atMost(
        CLOSE_GRACE_MS,
        sending.catch(() => undefined)
      )
      throw error
    }
    const { kind, receipt } = requireAcceptance(await verdict, request, ['durable', 'delivered'])
    if (receipt && !expected) throw new SftError('ERR_SFT_PROTOCOL', 'the peer gave a receipt that nobody wanted')
    const signed = expected && { receipt: expected.check(receipt, streamId) }
    const { metadata, tree } = outgoing
    const told = { ...signed, ...(tree && { tree: { ...tree.counts } }) }
    return { ...counted, ...told, resumedAt: start, kind, metadata, connections: this.session.stripes.carried }
  }

  async #receive(
    request: number,
    strm: ReceivedFrame,
    destination: Destination,
    begun: Begun | undefined,
    owed?: OwedReceipt
  ): Promise<TransferResult> {
    try {
      const { streamId, metadata, start, source }: Incoming = await this.#streams.receive(strm)
      requireContinuation(start, metadata, begun)
      const { bytes: rest, tree } = await destination.sink(metadata, start)(source)
      const { kind } = destination
      await this.session.write(
        'ACPT',
        acceptance.encode({ request, kind, offset: 0, receipt: await owed?.sign(streamId) })
      )
      const result = { bytes: start + rest, resumedAt: start, kind, metadata }
      return { ...result, ...(tree && { tree }), connections: this.session.stripes.carried }
    } catch (error) {
      await this.#giveUp(error, 'write error')
      throw error
    }
  }

  /** Tells the peer why the transfer ends here; the session ends with it. */
  async #giveUp(error: unknown, fileFault: Abort): Promise<void> {
    const known = SftError.is(error)
      ? error
      : new SftError('ERR_SFT_CANCELLED', 'the transfer was cancelled', { cause: error })
    await this.session.abort(abortReason(known.code, fileFault), known)
  }

  async #read(): Promise<ReceivedFrame> {
    const frame = await this.session.read()
    if (frame === undefined)
      throw new SftError('ERR_SFT_CONNECTION_LOST', 'the peer ended the session before it answered')
    return frame
  }
}

function acceptorFor({ content }: Offer, { accept, message }: Answers): Answers['accept'] {
  if (content === undefined || content === TREE) return accept
  return content === MESSAGE ? message : undefined
}

/** M64: a stream goes on where this side has the bytes before it, of the same state of the same file. */
function requireContinuation(start: number, { fileId }: Metadata, begun: Begun | undefined): void {
  if (start === 0) return
  if (!(begun && start <= begun.bytes && isSameFile(fileId, begun.id)))
    throw new SftError('ERR_SFT_PROTOCOL', 'the peer continues what this side has not')
}

/** Rejects when `verdict` does, and never resolves: while we send, only the peer's refusal is news. */
function raiseEarly(verdict: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    verdict.catch(reject)
  })
}
