import type { Identity } from '../auth/identity/identity.ts'
import { SftError } from '../streams/errors.ts'
import type { RateLimits } from '../streams/rate-limit.ts'
import { defaultInFlight } from '../streams/seal.ts'
import type { Source } from '../streams/types.ts'
import { DEFAULT_CHUNK_SIZE, isChunkSize } from '../workers/construction.ts'
import { aeadBackend } from '../workers/owned-aead.ts'
import { type CipherPool, createPool } from '../workers/pool.ts'
import { parsePeerAddress } from './address.ts'
import type { AnswerOptions } from './answering.ts'
import { type Attempt, getOnce, sendOnce } from './attempt.ts'
import type { Batch, BatchOptions } from './batch/batch.ts'
import { connect, requireStreams } from './connect.ts'
import type { DialOptions, EngineOptions, EngineStats, GetOptions, SealOptions, SendOptions } from './engine-options.ts'
import { type EngineStreamOptions, openSource, sealInput } from './engine-streams.ts'
import { type EventOptions, tellerOf } from './events.ts'
import type { ExportOptions } from './export-root.ts'
import type { FileSession } from './file-session.ts'
import type { InboxOptions } from './inbox.ts'
import type { Input } from './input.ts'
import { Inputs, requireWindow } from './inputs.ts'
import type { Listener } from './listen.ts'
import { Listeners, type ReceivingOne } from './listeners.ts'
import type { ListenAddress } from './listening.ts'
import { type MessageOptions, messageOf } from './message.ts'
import { Meter, type MeteredStage } from './meter.ts'
import { jobOf, requireNoReceipt } from './once.ts'
import type { Output } from './output.ts'
import type { OpenStreamOptions } from './pipe.ts'
import { requireFile } from './prefix.ts'
import type { ReceiptOptions } from './receipt-parties.ts'
import type { TransferResult } from './requests.ts'
import { type Attempts, retrying } from './retry.ts'
import type { Recipient } from './stream-header.ts'
import { chunkSizeFor } from './strict.ts'
import { chunkSizeWithin, limitsOf } from './transport.ts'
import { type About, Watch } from './watch.ts'
import { watched } from './watched.ts'

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
  readonly #limits: RateLimits | undefined
  readonly #listeners: Listeners
  readonly #boundBy = (): MeteredStage | undefined => this.#meter?.stats().boundBy

  /** @throws SftError ERR_SFT_USAGE for an impossible chunk size, or a bandwidth limit below 1 KiB a second. */
  constructor(options: EngineOptions) {
    if (options.chunkSize !== undefined && !isChunkSize(options.chunkSize)) {
      throw new SftError('ERR_SFT_USAGE', 'chunk size must be a power of two from 16 KiB to 1 MiB')
    }
    this.identity = options.identity
    const pool = options.pool ?? createPool(options.threads === undefined ? {} : { threads: options.threads })
    this.#meter = options.stats ? new Meter() : undefined
    this.pool = this.#meter?.pool(pool) ?? pool
    const chunkSize = chunkSizeWithin(options.bwlimit, options.chunkSize)
    this.#options = { ...options, chunkSize }
    this.#limits = limitsOf(options.bwlimit)
    this.#listeners = new Listeners({
      identity: () => this.identity,
      pool: this.pool,
      chunkSize,
      suites: options.suite && [options.suite],
      meter: this.#meter,
      limits: this.#limits,
      boundBy: this.#boundBy
    })
  }

  /**
   * Seals an input for `to`, once for all of them; yields the bytes of a one-way stream (SPEC §7).
   *
   * @param to one recipient, or up to 64; none of them can change what another gets (SPEC §7.5)
   */
  seal(
    input: Input,
    to: Recipient | readonly Recipient[],
    options: SealOptions = {}
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return sealInput(this.#streaming(options, { direction: 'sent' }), input, [to].flat(), options)
  }

  /** Opens a one-way stream; yields verified plaintext, and ends without an error only when all of it has verified. */
  open(
    source: Source<Uint8Array>,
    options: Pick<OpenStreamOptions, 'from' | 'onHeader' | 'owned'> & EventOptions = {}
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return openSource(this.#streaming(options, { direction: 'received' }), source, options)
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
      limits: this.#limits,
      ...options
    })
  }

  /**
   * Sends an input to `NAME@HOST:PORT`; resolves once the receiver has said that it is durable or delivered. What can be read twice, a path or bytes, is
   * attempted again as `retry` says; anything else with a window of it, `replay`.
   */
  async send(input: Input, address: string, options: SendOptions = {}): Promise<TransferResult> {
    const { name: peer } = parsePeerAddress(address)
    requireStreams(options.streams ?? 1)
    requireNoReceipt(options)
    requireWindow(options)
    requireFile(options)
    const watch = this.#watch(options, { direction: 'sent', peer })
    await using inputs = new Inputs(input, options)
    const { again } = inputs
    const told = { ...options, job: jobOf(options, again) }
    return await this.#attempts(address, options, { again, watch }, attempt => sendOnce(inputs, told, attempt))
  }

  /**
   * Sends text of 1 byte to 64 KiB to whoever is at `NAME@HOST:PORT`; resolves once the receiver has taken it. It is never sent twice: what became of one whose
   * answer was lost is not known.
   *
   * @param text bytes are borrowed, and UTF-8
   * @throws SftError ERR_SFT_USAGE for what is no such text; ERR_SFT_PUSH_REFUSED, ERR_SFT_BUSY; as `connect`.
   */
  async message(
    text: string | Uint8Array,
    address: string,
    options: DialOptions & EventOptions = {}
  ): Promise<TransferResult> {
    const { name: peer } = parsePeerAddress(address)
    const { offer, outgoing } = messageOf(text)
    const watch = this.#watch(options, { direction: 'sent', peer, content: 'message' })
    return watched(watch, options.signal, async () => {
      await using session = await this.connect(address, options)
      return await session.put(offer, watch?.outgoing(outgoing) ?? outgoing)
    })
  }

  /** Fetches a file from `NAME@HOST:PORT`; resolves once it is complete at `output`. A path is attempted again as `retry` says; another output may have had bytes. */
  async get(address: string, path: string, output: Output, options: GetOptions = {}): Promise<TransferResult> {
    const { name: peer } = parsePeerAddress(address)
    requireStreams(options.streams ?? 1)
    requireFile(options)
    const about = { direction: 'received', peer, name: path } as const
    const watch = this.#watch(options, options.tree ? { ...about, content: 'directory' } : about)
    const again = typeof output === 'string' ? options : {}
    const told = { ...options, job: jobOf(options, again) }
    return this.#attempts(address, options, { again, watch }, attempt => getOnce({ peer, path }, output, told, attempt))
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
  answer(options: AnswerOptions): Promise<Listener> {
    return this.#listeners.answer(options)
  }

  /** Takes one transfer from the named peers, beside any number of messages, and ends. */
  receiveOne(options: ReceivingOne): Promise<TransferResult & { peer: string }> {
    return this.#listeners.receiveOne(options)
  }

  /** Sends and gets that are all done in the end, each once, whatever dies on the way (SPEC §8.10). Close it. */
  async batch(options: BatchOptions = {}): Promise<Batch> {
    return (await import('./batch/batch.ts')).openBatch(this, options)
  }

  /** What bound the transfers up to now; `undefined` unless the engine was made with `stats`. */
  stats(): EngineStats | undefined {
    if (!this.#meter) return undefined
    const { chunkSize: most = DEFAULT_CHUNK_SIZE, suite = 'aes-256-gcm' } = this.#options
    const { threads } = this.pool
    const chunkSize = chunkSizeFor(this.#meter.strict ? 'rsa-oaep' : suite, most)
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

  #streaming(options: EventOptions, about: About): EngineStreamOptions {
    const { suite, chunkSize } = this.#options
    const watch = this.#watch(options, about)
    return {
      identity: this.identity,
      pool: this.pool,
      suite,
      chunkSize,
      meter: this.#meter,
      limits: this.#limits,
      watch
    }
  }

  /** Watches a transfer that somebody wants to know of. */
  #watch(options: EventOptions, about: About): Watch | undefined {
    const tell = tellerOf(options)
    return tell && new Watch(tell, about, this.#boundBy)
  }

  /** Runs one attempt after the other, as `again` allows, and has `watch` tell of them. */
  #attempts<T extends TransferResult>(
    address: string,
    options: DialOptions,
    { again, watch }: { again: Attempts; watch: Watch | undefined },
    run: (attempt: Attempt) => Promise<T>
  ): Promise<T> {
    const attempt = { dial: () => this.connect(address, options), watch, meter: this.#meter }
    const { signal } = options
    return watched(watch, signal, () => retrying(watch?.retrying(again) ?? again, signal, () => run(attempt)))
  }
}
