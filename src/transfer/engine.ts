import type { Identity } from '../auth/identity/identity.ts'
import { SftError } from '../streams/errors.ts'
import { defaultInFlight } from '../streams/seal.ts'
import type { Source } from '../streams/types.ts'
import { DEFAULT_CHUNK_SIZE, isChunkSize } from '../workers/construction.ts'
import { aeadBackend } from '../workers/owned-aead.ts'
import { type CipherPool, createPool } from '../workers/pool.ts'
import { parsePeerAddress } from './address.ts'
import { type AnswerOptions, answersFor } from './answering.ts'
import { connect, requireStreams } from './connect.ts'
import type { DialOptions, EngineOptions, EngineStats, GetOptions, SendOptions } from './engine-options.ts'
import type { ExportOptions } from './export-root.ts'
import type { FileSession } from './file-session.ts'
import { acceptGuarded, type Guard } from './guarded.ts'
import type { InboxOptions } from './inbox.ts'
import { type Input, openInput } from './input.ts'
import { type Listener, listen } from './listen.ts'
import { audited, type EngineEvent, type ListenAddress, type Listening, listeningOf, messagesFor } from './listening.ts'
import { type MessageOptions, messageOf } from './message.ts'
import { Meter } from './meter.ts'
import { noted, notedAt, requireNoReceipt, resultBefore } from './once.ts'
import { type Output, openOutput, receivedName } from './output.ts'
import { type OpenStreamOptions, openStream, sealStream } from './pipe.ts'
import type { ReceiptOptions } from './receipt-parties.ts'
import { type ReceiveOneOptions, receiveOne } from './receive-one.ts'
import type { Answers, TransferResult } from './requests.ts'
import { retrying } from './retry.ts'
import { closingAlso } from './serving.ts'
import type { Recipient } from './stream-header.ts'

type Accept = NonNullable<Answers['accept']>

/**
 * One identity and one worker pool, and everything that moves files with them. Memory: a transfer each way holds `2 × threads` chunks (at least
 * 2) and about 2 MiB of a socket; with `streams` about 2 MiB for each of them, and the receiver 3 chunks more for each. Close it, or use `await using`; a call under way fails then.
 */
export class Engine implements AsyncDisposable {
  /** Whose engine it is; a renewed certificate of the same name and key may take its place, for sessions and streams that begin then. */
  identity: Identity
  readonly pool: CipherPool
  readonly #closed = new AbortController()
  readonly #options: EngineOptions
  readonly #meter: Meter | undefined

  /** @throws SftError ERR_SFT_USAGE for an impossible chunk size. */
  constructor(options: EngineOptions) {
    if (options.chunkSize !== undefined && !isChunkSize(options.chunkSize)) {
      throw new SftError('ERR_SFT_USAGE', 'chunk size must be a power of two from 16 KiB to 1 MiB')
    }
    this.identity = options.identity
    const pool = options.pool ?? createPool(options.threads === undefined ? {} : { threads: options.threads })
    this.#meter = options.stats ? new Meter() : undefined
    this.pool = this.#meter?.pool(pool) ?? pool
    this.#options = options
  }

  /**
   * Seals an input for `to`, once for all of them; yields the bytes of a one-way stream (SPEC §7).
   *
   * @param to one recipient, or up to 64; none of them can change what another gets (SPEC §7.5)
   */
  async *seal(
    input: Input,
    to: Recipient | readonly Recipient[],
    options: SendOptions = {}
  ): AsyncGenerator<Uint8Array, void, undefined> {
    await using found = await openInput(input, options.name, options.tree)
    const opened = this.#meter?.outgoing(found) ?? found
    const { metadata, file, owned } = opened
    const { suite = 'aes-256-gcm', chunkSize } = this.#options
    const size = chunkSize === undefined ? {} : { chunkSize }
    const stage = sealStream({
      identity: this.identity,
      recipients: [to].flat(),
      pool: this.pool,
      metadata,
      suite,
      file,
      owned,
      ...size
    })
    yield* stage(opened.source(options.signal ?? new AbortController().signal))
  }

  /** Opens a one-way stream; yields verified plaintext, and ends without an error only when all of it has verified. */
  open(
    source: Source<Uint8Array>,
    options: Pick<OpenStreamOptions, 'from' | 'onHeader' | 'owned'> = {}
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const opened = openStream({ ...options, identity: this.identity, pool: this.pool })(source)
    return this.#meter?.given(opened) ?? opened
  }

  /** Dials `NAME@HOST:PORT` for several transfers in one session; the caller closes it. */
  connect(address: string, options: DialOptions = {}): Promise<FileSession> {
    const { name, host, port } = parsePeerAddress(address)
    const { suite, chunkSize } = this.#options
    const suites = suite && [suite]
    return connect({
      identity: this.identity,
      pool: this.pool,
      host,
      port,
      expect: name,
      suites,
      chunkSize,
      ...options
    })
  }

  /**
   * Sends an input to `NAME@HOST:PORT`; resolves once the receiver has said that it is durable or delivered. What can be read twice, a path or bytes, is
   * attempted again as `retry` says.
   */
  async send(input: Input, address: string, options: SendOptions = {}): Promise<TransferResult> {
    parsePeerAddress(address)
    requireStreams(options.streams ?? 1)
    requireNoReceipt(options)
    const again = typeof input === 'string' || input instanceof Uint8Array ? options : {}
    return retrying(again, options.signal, () => this.#send(input, address, options))
  }

  async #send(input: Input, address: string, options: SendOptions): Promise<TransferResult> {
    await using opened = await openInput(input, options.name, options.tree)
    await using session = await this.connect(address, options)
    const { name = 'stdin', size } = opened.metadata
    const { receipt, onRestart, onKept } = options
    const offer = { name, size, job: options.job?.key }
    const result = await session.put(offer, this.#meter?.outgoing(opened) ?? opened, { receipt, onRestart, onKept })
    return await noted(result, options.job, session)
  }

  /**
   * Sends text of 1 byte to 64 KiB to whoever is at `NAME@HOST:PORT`; resolves once the receiver has taken it. It is never sent twice: what became of one whose
   * answer was lost is not known.
   *
   * @param text bytes are borrowed, and UTF-8
   * @throws SftError ERR_SFT_USAGE for what is no such text; ERR_SFT_PUSH_REFUSED, ERR_SFT_BUSY; as `connect`.
   */
  async message(text: string | Uint8Array, address: string, options: DialOptions = {}): Promise<TransferResult> {
    parsePeerAddress(address)
    const { offer, outgoing } = messageOf(text)
    await using session = await this.connect(address, options)
    return await session.put(offer, outgoing)
  }

  /** Fetches a file from `NAME@HOST:PORT`; resolves once it is complete at `output`. A path is attempted again as `retry` says; another output may have had bytes. */
  async get(address: string, path: string, output: Output, options: GetOptions = {}): Promise<TransferResult> {
    const { name: peer } = parsePeerAddress(address)
    requireStreams(options.streams ?? 1)
    const again = typeof output === 'string' ? options : {}
    return retrying(again, options.signal, () => this.#get({ address, peer }, path, output, options))
  }

  async #get(
    { address, peer }: { address: string; peer: string },
    path: string,
    output: Output,
    options: GetOptions
  ): Promise<TransferResult> {
    const destination = await openOutput(output, {
      force: options.force,
      existing: options.existing,
      owner: options.resume === false ? undefined : { peer, direction: 'get' },
      job: options.job && { peer, direction: 'get', job: options.job.key },
      name: receivedName(path),
      tree: options.tree !== undefined,
      signal: options.signal
    })
    if (destination.done !== undefined) return await notedAt(destination, resultBefore(destination.done), options.job)
    const { tree, onRestart, onKept } = options
    try {
      await using session = await this.connect(address, options)
      const metered = this.#meter?.destination(destination) ?? destination
      const result = await session.get(path, metered, { tree, onRestart })
      return await notedAt(destination, result, options.job)
    } catch (error) {
      onKept?.((await destination.begun?.())?.bytes ?? 0)
      throw error
    }
  }

  /** Serves the regular files below a directory to members of the organisation, until the listener is closed. */
  serve(directory: string, address: ListenAddress & ExportOptions): Promise<Listener> {
    return this.answer({ ...address, serve: directory })
  }

  /** Takes files from the named peers into a directory, and their messages if somebody wants them, until the listener is closed. */
  receiveInto(
    directory: string,
    options: ListenAddress & InboxOptions & MessageOptions & ReceiptOptions
  ): Promise<Listener> {
    return this.answer({ ...options, inbox: directory })
  }

  /** Does both on one port, until the listener is closed. */
  async answer(options: AnswerOptions): Promise<Listener> {
    const listening = listeningOf(options)
    const { answers, root } = await answersFor(options, listening, this.#meter)
    try {
      const listener = await this.#listen(options, listening, answers)
      return root ? closingAlso(listener, root) : listener
    } catch (error) {
      await root?.[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Takes one transfer from the named peers, beside any number of messages, and ends. */
  receiveOne(
    options: Omit<ReceiveOneOptions, 'identity' | 'pool' | 'message'> &
      MessageOptions &
      Partial<Guard> &
      Pick<ListenAddress, 'audit'>
  ): Promise<TransferResult & { peer: string }> {
    const { destination: given, onDenied = () => {}, onFault } = options
    const onEvent = (event: EngineEvent): void => {
      if (event.type === 'denied') onDenied(event)
      else if (event.type === 'fault') onFault?.(event.peer, event.error)
    }
    const listening = listeningOf({ ...options, onEvent })
    const { auditor, policy, tell } = listening
    const accept: Accept = typeof given === 'function' ? given : async () => given
    const guarded = acceptGuarded(accept, { policy, onDenied: tell })
    return receiveOne({
      ...options,
      destination: this.#metered(audited(guarded, auditor)),
      message: messagesFor(options, listening),
      onEvent: event => auditor?.event(event),
      onSession: peer => auditor?.session(peer),
      identity: () => this.identity,
      pool: this.pool
    })
  }

  /** What bound the transfers up to now; `undefined` unless the engine was made with `stats`. */
  stats(): EngineStats | undefined {
    if (!this.#meter) return undefined
    const { chunkSize = DEFAULT_CHUNK_SIZE } = this.#options
    const { threads } = this.pool
    return { ...this.#meter.stats(), threads, chunkSize, window: defaultInFlight(this.pool), aead: aeadBackend() }
  }

  /** Aborted once the engine is closed. */
  get signal(): AbortSignal {
    return this.#closed.signal
  }

  /** Ends the threads, unless the pool was the caller's. */
  async close(): Promise<void> {
    this.#closed.abort(new SftError('ERR_SFT_CANCELLED', 'the engine is closed'))
    if (!this.#options.pool) await this.pool.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #metered(accept: Accept): Accept {
    const meter = this.#meter
    return meter ? async (...offer) => meter.destination(await accept(...offer)) : accept
  }

  #listen({ host, port }: ListenAddress, { auditor, tell }: Listening, answers: Answers): Promise<Listener> {
    const { chunkSize } = this.#options
    return listen({
      identity: () => this.identity,
      pool: this.pool,
      host,
      port,
      answers,
      chunkSize,
      onEvent: tell,
      onSession: peer => auditor?.session(peer)
    })
  }
}
