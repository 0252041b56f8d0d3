import type { Identity } from '../auth/identity/identity.ts'
import { limited, type RateLimits } from '../streams/rate-limit.ts'
import type { Source } from '../streams/types.ts'
import type { Suite } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import type { SealOptions } from './engine-options.ts'
import { type Input, openInput } from './input.ts'
import type { Meter } from './meter.ts'
import { type OpenStreamOptions, openStream, sealStream } from './pipe.ts'
import type { Recipient } from './stream-header.ts'
import type { Watch } from './watch.ts'
import { watchedStream } from './watched.ts'

/** The one-way streams of an engine: the two ends of a pipe with what the engine puts around them. */

export interface EngineStreamOptions {
  readonly identity: Identity
  readonly pool: CipherPool
  readonly suite?: Suite | undefined
  /** Bytes. */
  readonly chunkSize?: number | undefined
  readonly meter: Meter | undefined
  readonly limits: RateLimits | undefined
  /** Of this stream. */
  readonly watch: Watch | undefined
}

/** Input in, a sealed stream out. */
export function sealInput(
  engine: EngineStreamOptions,
  input: Input,
  recipients: readonly Recipient[],
  options: SealOptions
): AsyncGenerator<Uint8Array, void, undefined> {
  const sealing = seal(engine, input, recipients, options)
  return engine.watch ? watchedStream(engine.watch, options.signal, sealing) : sealing
}

async function* seal(
  { meter, limits, watch, suite = 'aes-256-gcm', chunkSize, ...own }: EngineStreamOptions,
  input: Input,
  recipients: readonly Recipient[],
  { name, tree, signal = new AbortController().signal }: SealOptions
): AsyncGenerator<Uint8Array, void, undefined> {
  await using found = await openInput(input, name, watch?.tree(tree) ?? tree)
  const metered = meter?.outgoing(found) ?? found
  const { metadata, file, owned, onProtection, source } = watch?.outgoing(metered, false) ?? metered
  const size = chunkSize === undefined ? {} : { chunkSize }
  const stage = sealStream({ ...own, recipients, metadata, suite, file, owned, onProtection, ...size })
  const stream = stage(source(signal))
  const sent = limits ? limited(limits.sent)(stream) : stream
  yield* meter?.taken(sent) ?? sent
}

/** A sealed stream in, verified plaintext out. */
export function openSource(
  { identity, pool, meter, limits, watch }: EngineStreamOptions,
  source: Source<Uint8Array>,
  options: Pick<OpenStreamOptions, 'from' | 'onHeader' | 'owned'>
): AsyncGenerator<Uint8Array, void, undefined> {
  const onHeader: OpenStreamOptions['onHeader'] = info => {
    watch?.opened(info)
    options.onHeader?.(info)
  }
  const arriving = limits ? limited(limits.received)(source) : source
  const opened = openStream({ ...options, onHeader, identity, pool })(arriving)
  const given = meter?.given(opened) ?? opened
  return watch ? watchedStream(watch, undefined, watch.moving(given)) : given
}
