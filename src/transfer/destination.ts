import type { Metadata } from '../streams/header.ts'
import type { Sink } from '../streams/types.ts'
import type { Protection } from './strict.ts'

/** What is there of an earlier attempt. */
export interface Begun {
  /** As its sender named it. */
  readonly id: Uint8Array
  /** Bytes from the beginning, verified. */
  readonly bytes: number
}

/** What has come of a stream. */
export interface Written {
  /** Of those that came, not of those that were there. */
  readonly bytes: number
  /** Of a directory: its entries, and how many its sender had to leave out. */
  readonly tree?: { readonly entries: number; readonly omitted: number } | undefined
  /** The name that it has got in the place of its own, which was taken (M90). */
  readonly renamed?: string | undefined
}

/** Where a stream goes, and what its end may be called: `durable` on disk, `delivered` to a stream. */
export interface Destination {
  /** Takes the bytes from `start` on, which is at most what `begun` said; default 0. The sum it fulfils with is of those only. */
  sink: (metadata: Metadata, start?: number) => Sink<Uint8Array, Written>
  kind: 'durable' | 'delivered'
  /** What is there already (SPEC §8.4). Absent where nothing can be. */
  begun?: (() => Promise<Begun | undefined>) | undefined
  /** So many first bytes of what is there already, also while a sink that goes on behind them is open. Each piece is borrowed until the next pull. */
  kept?: ((bytes: number) => AsyncIterable<Uint8Array>) | undefined
  /** Told what protects the stream that comes, before its first byte. */
  onProtection?: ((protection: Protection) => void) | undefined
  /** Bytes of it, if this job is done already (SPEC §8.8): nothing is to come. */
  done?: number | undefined
  /** Told once whoever wanted the job done has noted that it is. */
  noted?: (() => Promise<void>) | undefined
  /** Told instead when the transfer or its session ended before that: somebody may ask again, and what `begun` holds is let go of. */
  lost?: (() => Promise<void>) | undefined
}

/** The same destination; every stream goes through something before it. */
export function through(
  destination: Destination,
  stage: (sink: Sink<Uint8Array, Written>, start: number) => Sink<Uint8Array, Written>
): Destination {
  return { ...destination, sink: (metadata, start = 0) => stage(destination.sink(metadata, start), start) }
}
