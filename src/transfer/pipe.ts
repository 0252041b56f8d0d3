import { spkiHash } from '../auth/certificates/keys.ts'
import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { Identity } from '../auth/identity/identity.ts'
import { SftError } from '../streams/errors.ts'
import type { Metadata } from '../streams/header.ts'
import { inbound } from '../streams/inbound.ts'
import { outbound } from '../streams/outbound.ts'
import type { Stage } from '../streams/types.ts'
import { DEFAULT_CHUNK_SIZE, type Suite } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import { distinctRecipients, openHeader, type Recipient, sealHeader } from './stream-header.ts'
import { blocksOf, chunkSizeFor, type Protection, plainChunk, protectionOf, requireOneRecipient } from './strict.ts'

/** The one-way sealed stream, `sft send | sft recv` (SPEC §7). */

/** ms after which a pipe passes on a chunk that is not full while its source is idle. */
export const IDLE_CHUNK_MS = 100

export interface SealStreamOptions {
  identity: Identity
  /** 1 to 64; one who is there twice counts once. */
  recipients: readonly Recipient[]
  pool: CipherPool
  /** Name, size, mtime of the source; `created` is set here. */
  metadata?: Omit<Metadata, 'created'>
  suite?: Suite
  /** Bytes a chunk. Default 1 MiB; of the strict suite 64 KiB, and no more. */
  chunkSize?: number
  /** The source is a regular file: its chunks are full. Default false: chunks vary and do not wait for an idle source. */
  file?: boolean
  /** Told what protects it, once the header is made. */
  onProtection?: ((protection: Protection) => void) | undefined
  /** The source hands over its buffers. Default false: borrowed. */
  owned?: boolean
  inFlight?: number
}

/**
 * Seals a stream: plaintext flows in, the bytes of a whole one-way stream flow out. A new key for every run of the stage.
 * Memory: `inFlight` chunks (default twice the threads of the pool, at least 2) and one piece. For several recipients it also signs what it has
 * sealed, every 16 MiB, so that none of them can change what another gets (SPEC §7.5).
 *
 * @throws SftError ERR_SFT_USAGE for no recipient, or more than 64; for more than one of the strict suite.
 */
export function sealStream(options: SealStreamOptions): Stage<Uint8Array, Uint8Array> {
  const { identity, pool, metadata, suite = 'aes-256-gcm', file = false } = options
  const chunkSize = chunkSizeFor(suite, options.chunkSize ?? DEFAULT_CHUNK_SIZE)
  return async function* (source) {
    const recipients = distinctRecipients(options.recipients)
    requireOneRecipient(suite, recipients)
    const { header, streamId, key, sign } = await sealHeader({
      sender: identity,
      recipients,
      suite,
      chunkSize,
      variable: !file,
      metadata: { ...metadata, created: Date.now() }
    })
    const idle = file ? {} : { idle: IDLE_CHUNK_MS }
    const window = options.inFlight === undefined ? {} : { inFlight: options.inFlight }
    const several = recipients.length > 1 ? { sign } : {}
    const owned = options.owned ?? false
    const { publicKey } = recipients[0] as Recipient
    options.onProtection?.(protectionOf(suite, publicKey))
    const [size, blocks] = [plainChunk(suite, publicKey, chunkSize), blocksOf(suite, publicKey, streamId)]
    yield* outbound(header, { pool, key, size, blocks, owned, ...idle, ...window, ...several })(source)
  }
}

/** What the header of a stream said, and who is proven to have said it. */
export interface StreamInfo {
  sender: PeerIdentity
  metadata: Metadata
  protection: Protection
}

export interface OpenStreamOptions {
  identity: Identity
  pool: CipherPool
  /** Names of senders to accept; any member of the organisation when absent. */
  from?: readonly string[] | undefined
  /** Told once, before the first byte is released. */
  onHeader?: (info: StreamInfo) => void
  /** The source hands over its buffers. Default false: borrowed. */
  owned?: boolean
  inFlight?: number
  now?: () => Date
}

/**
 * Opens a stream: the bytes of a one-way stream flow in, plaintext flows out, each piece verified before it is released and owned by the consumer.
 * Memory: `inFlight` chunks and one frame; of a stream for several recipients 32 MiB more, for nothing leaves before the sender's signature covers it.
 * The generator ends without an error only after the final frame has verified.
 *
 * @throws SftError ERR_SFT_SENDER for a sender that is not in `from`, and the codes of `inbound` and `openHeader`.
 */
export function openStream(options: OpenStreamOptions): Stage<Uint8Array, Uint8Array> {
  const { identity, pool, from, onHeader, now, ...rest } = options
  return inbound({
    ...rest,
    pool,
    openHeader: async header => {
      const opened = await openHeader(header, { identity, spkiHash: spkiHash(identity.publicKey), pool, now: now?.() })
      requireSender(opened.sender, from)
      const protection = protectionOf(header.suite, identity.publicKey)
      onHeader?.({ sender: opened.sender, metadata: opened.metadata, protection })
      return { ...opened, blocks: blocksOf(header.suite, identity.privateKey, header.streamId) }
    }
  })
}

/** Refuses a sender whom the receiver did not name (M28). */
export function requireSender(sender: PeerIdentity, from: readonly string[] | undefined): void {
  if (from && !from.includes(sender.name)) {
    throw new SftError('ERR_SFT_SENDER', `the stream is from ${sender.name}, who is not among the accepted senders`)
  }
}
