import { randomBytes } from 'node:crypto'
import { spkiHash } from '../auth/certificates/keys.ts'
import type { Identity } from '../auth/identity/identity.ts'
import type { SecureDuplex } from '../auth/session/secure-duplex.ts'
import { framesOfStream } from '../auth/session/stripes.ts'
import { SftError } from '../streams/errors.ts'
import {
  encodeClear,
  METADATA,
  type Metadata,
  type ParsedHeader,
  parseHeader,
  STREAM_ID_BYTES
} from '../streams/header.ts'
import { mergeStripes } from '../streams/merge-stripes.ts'
import { open } from '../streams/open.ts'
import { sealed } from '../streams/outbound.ts'
import { defaultInFlight } from '../streams/seal.ts'
import { decodeTlv, encodeTlv } from '../streams/tlv.ts'
import type { ReceivedFrame } from '../streams/types.ts'
import { KEY_BYTES } from '../workers/construction.ts'
import { expand, extract } from '../workers/hkdf.ts'
import type { CipherPool } from '../workers/pool.ts'
import { deriveStreamKey } from '../workers/stream-key.ts'
import { fileId } from './file-id.ts'
import { isResumable, type Outgoing } from './outgoing.ts'
import { IDLE_CHUNK_MS } from './pipe.ts'
import { checkedKey, stanzaFor, unwrapSecret } from './stream-header.ts'
import { blocksOf, chunkSizeFor, type Protection, plainChunk, protectionOf } from './strict.ts'

export interface Incoming {
  streamId: Uint8Array
  metadata: Metadata
  /** Bytes of the file before those that come. */
  start: number
  /** Bytes of the file in a full chunk. */
  chunkSize: number
  protection: Protection
  /** Verified plaintext; ends without an error only after the final frame. Its buffers are the consumer's. */
  source: AsyncGenerator<Uint8Array, void, undefined>
}

export interface SessionStreamsOptions {
  session: SecureDuplex
  identity: Identity
  pool: CipherPool
  /** Bytes a chunk of what is sent; at most what the session allows. Default: that. */
  chunkSize?: number | undefined
  inFlight?: number | undefined
}

const STREAM_LABEL = Buffer.from('sft/1 stream', 'latin1')

/**
 * The streams of one session (SPEC §8): keys of both directions, `STRM` and what follows it. The first stream each way carries
 * its key wrapped to the peer's certified key; the session's exporter goes into every one.
 */
export class SessionStreams {
  readonly #options: SessionStreamsOptions
  readonly #seen = new Set<string>()
  #outgoing: Uint8Array | undefined
  #incoming: Uint8Array | undefined

  constructor(options: SessionStreamsOptions) {
    this.#options = options
  }

  /** The id of what goes out, for whoever may want the rest of it later; nothing for what is no file, or is sent again sooner than continued. */
  idOf(outgoing: Outgoing): Uint8Array | undefined {
    if (outgoing.replay) return outgoing.replay.id
    return outgoing.stat && isResumable(outgoing) ? fileId(this.#options.identity, outgoing.stat) : undefined
  }

  /** The id of what comes before a byte, for a peer who has that much. */
  async idAt(outgoing: Outgoing, bytes: number): Promise<Uint8Array | undefined> {
    if (!outgoing.tree) return this.idOf(outgoing)
    return bytes > 0 ? outgoing.tree.idAt(bytes) : undefined
  }

  /** Where a stream begins for a peer who has `offset` bytes: with a whole chunk. */
  startFor(offset: number): number {
    return offset - (offset % this.plainChunk)
  }

  /** Bytes of a file in a chunk of what goes out. */
  get plainChunk(): number {
    const { suite, peer } = this.#options.session
    return plainChunk(suite, peer.publicKey, this.#chunkSize)
  }

  /** Of what goes out. */
  get protection(): Protection {
    const { suite, peer } = this.#options.session
    return protectionOf(suite, peer.publicKey)
  }

  /** Bytes a chunk of what goes out. */
  get #chunkSize(): number {
    const { chunkSize, session } = this.#options
    return chunkSizeFor(session.suite, Math.min(chunkSize ?? session.maxChunkSize, session.maxChunkSize))
  }

  /**
   * Writes one whole stream: header, chunks from `start` on (see `startFor`), final frame; fulfils with its id. Memory: `inFlight` chunks.
   *
   * @param id of what is sent; for a peer who continues a directory, that of what comes before
   */
  async send(outgoing: Outgoing, signal: AbortSignal, start = 0, id = this.idOf(outgoing)): Promise<Uint8Array> {
    const { metadata, file, source, owned, onProtection, onWriting, onWritten, replay } = outgoing
    replay?.begin(start)
    onProtection?.(this.protection)
    const { session, pool, inFlight } = this.#options
    const size = this.plainChunk
    const firstChunk = start / size
    const { streamId, key, body } = this.#makeHeader(this.#chunkSize, !file, firstChunk)
    const blocks = blocksOf(session.suite, session.peer.publicKey, streamId)
    const told = encodeTlv(METADATA, { ...metadata, created: Date.now(), fileId: id })
    await session.write('STRM', Buffer.concat([body, key.commitment, told]))
    const idle = file ? {} : { idle: IDLE_CHUNK_MS }
    const window = inFlight === undefined ? {} : { inFlight }
    for await (const frame of sealed({ pool, key, size, owned, firstChunk, blocks, ...idle, ...window })(
      source(signal, start)
    )) {
      const bytes = frame.plain
      onWriting?.()
      await session.writeSealed(frame)
      onWritten?.(bytes)
    }
    return streamId
  }

  /**
   * Takes a `STRM` record; its chunks are read from the session and its stripes as the source is pulled.
   *
   * @throws SftError ERR_SFT_HEADER, ERR_SFT_COMMITMENT, ERR_SFT_NOT_RECIPIENT; ERR_SFT_PROTOCOL for a stream id seen before (M33).
   */
  async receive(strm: ReceivedFrame): Promise<Incoming> {
    const { session, pool, inFlight } = this.#options
    const header = parseHeader(strm.body)
    this.#requireNew(header.streamId)
    if (header.suite !== session.suite)
      throw new SftError('ERR_SFT_HEADER', 'the stream has another suite than its session')
    const metadata = decodeTlv(METADATA, header.tail)
    const key = checkedKey(header, await this.#incomingSecret(header))
    session.expectChunks(header.chunkSize)
    const window = inFlight === undefined ? {} : { inFlight }
    const { privateKey, publicKey } = this.#options.identity
    const chunkSize = plainChunk(header.suite, publicKey, header.chunkSize)
    const start = header.firstChunk * chunkSize
    const blocks = blocksOf(header.suite, privateKey, header.streamId)
    const source = open(pool, key, { ...header, blocks, ...window })(this.#frames(header.firstChunk))
    const protection = protectionOf(header.suite, publicKey)
    return { streamId: header.streamId, metadata, start, chunkSize, protection, source }
  }

  /** The frames of the present stream, of the first connection and of the stripes that its request named (M41). */
  #frames(firstChunk: number): AsyncIterable<ReceivedFrame> {
    const { session, pool, inFlight = defaultInFlight(pool) } = this.#options
    const { connections } = session.stripes
    const first = framesOfStream(() => readFrame(session))
    if (connections === 1) return first
    return mergeStripes({ window: 2 * connections + inFlight, firstChunk })([first, ...session.stripes.sources()])
  }

  #makeHeader(chunkSize: number, variable: boolean, firstChunk: number) {
    const { session } = this.#options
    const streamId = randomBytes(STREAM_ID_BYTES)
    const stanzas = []
    if (!this.#outgoing) {
      const secret = randomBytes(KEY_BYTES)
      stanzas.push(stanzaFor(session.peer, streamId, secret))
      this.#outgoing = directionSecret(session, secret)
    }
    const { suite } = session
    const clear = encodeClear({ suite, chunkSize, variable, streamId, firstChunk, stanzas })
    return {
      streamId,
      key: deriveStreamKey(suite, streamId, streamSecret(this.#outgoing, streamId), clear),
      body: clear
    }
  }

  async #incomingSecret(header: ParsedHeader): Promise<Uint8Array> {
    const { session, identity, pool } = this.#options
    if (!this.#incoming) {
      if (header.stanzas.length !== 1) throw new SftError('ERR_SFT_HEADER', 'the first stream must carry one key')
      const secret = await unwrapSecret(header, { identity, spkiHash: spkiHash(identity.publicKey), pool })
      this.#incoming = directionSecret(session, secret)
    } else if (header.stanzas.length > 0) {
      throw new SftError('ERR_SFT_HEADER', 'only the first stream of a session carries a key')
    }
    return streamSecret(this.#incoming, header.streamId)
  }

  #requireNew(streamId: Uint8Array): void {
    const id = Buffer.from(streamId).toString('latin1')
    if (this.#seen.has(id)) throw new SftError('ERR_SFT_PROTOCOL', 'a stream id came twice in one session')
    this.#seen.add(id)
  }
}

/** `K_dir = Extract(exp, K)`; K is zeroed. */
function directionSecret(session: SecureDuplex, secret: Uint8Array): Uint8Array {
  const direction = extract(session.exporter, secret)
  secret.fill(0)
  return direction
}

/** `K_stream = Expand(K_dir, "sft/1 stream" ‖ stream id)`. */
function streamSecret(direction: Uint8Array, streamId: Uint8Array): Uint8Array {
  return expand(direction, Buffer.concat([STREAM_LABEL, streamId]), KEY_BYTES)
}

async function readFrame(session: SecureDuplex): Promise<ReceivedFrame> {
  const frame = await session.read()
  if (frame === undefined) throw new SftError('ERR_SFT_TRUNCATED', 'the session ends inside a stream')
  return frame
}
