import type { Identity } from '../auth/identity/identity.ts'
import type { ExistingOptions } from '../streams/existing.ts'
import type { Suite } from '../workers/construction.ts'
import type { AeadBackend } from '../workers/owned-aead.ts'
import type { CipherPool } from '../workers/pool.ts'
import type { EventOptions } from './events.ts'
import type { Stats } from './meter.ts'
import type { JobOptions } from './requests.ts'
import type { KeptOptions, RestartOptions } from './restart.ts'
import type { RetryOptions } from './retry.ts'
import type { FilterOptions } from './tree/filter.ts'
import type { TreeOptions } from './tree/tree-source.ts'

/** What an engine and its calls can be told. */

export interface EngineOptions {
  identity: Identity
  /** Worker threads; 0 works in the calling thread. Default: decided by what the first chunks take, 0 to one less than the processors. */
  threads?: number | undefined
  /** A pool of the caller's, who closes it. */
  pool?: CipherPool | undefined
  /** Bytes a chunk: a power of two, 16 KiB to 1 MiB (default). */
  chunkSize?: number | undefined
  /** Of what is sealed and dialled; who listens takes no other. Default: AES-256-GCM, and who listens takes all. */
  suite?: Suite | undefined
  /**
   * Bytes a second that all transfers of the engine together may take, each way, at least 1 KiB; chunks are no larger than what goes in one.
   * Default 0: no limit. Engines with different limits can share a pool.
   */
  bwlimit?: number | undefined
  /** Measures which stage bounds the transfers; see `stats`. Default false. */
  stats?: boolean | undefined
}

/** What bound an engine's transfers, and where its chunks were sealed. */
export interface EngineStats extends Stats {
  readonly threads: number
  /** Bytes a chunk of what is sent, at most. */
  readonly chunkSize: number
  /** Chunks under way at once in a transfer. */
  readonly window: number
  readonly aead: AeadBackend
}

export interface CallOptions {
  signal?: AbortSignal | undefined
}

export interface DialOptions extends CallOptions {
  /** Connections to use, 1 (default) to 16: for a long round trip (SPEC §8.1). The peer needs no option for it. */
  streams?: number | undefined
  /** ms to reach the host. Default 10,000. */
  connectTimeout?: number | undefined
}

export interface SealOptions extends CallOptions, EventOptions {
  /** What the receiver is told; default: the last component of a path, `stdin` otherwise. */
  name?: string | undefined
  /** Directories are sent, with all that is in them or what a filter leaves of it. Default: they are refused. */
  tree?: TreeOptions | undefined
}

export interface SendOptions extends SealOptions, DialOptions, RetryOptions, RestartOptions, KeptOptions {
  /** Has the receiver sign what it got; the receipt is in the result. Default false. */
  receipt?: boolean | undefined
  job?: JobOptions | undefined
  /** Has what the receiver has of a file compared with what is here before it goes on; what differs begins anew. Not of a directory. Default false. */
  verifyPrefix?: boolean | undefined
  /**
   * Keeps the last so many bytes of what can be read only once, so that it goes on when the connection was lost. Attempts again without `retry`, until twelve in a row have failed that
   * brought nothing. Memory: as many bytes, and 1 MiB. Not with a receipt.
   */
  replay?: number | undefined
}

export interface GetOptions
  extends DialOptions,
    RetryOptions,
    RestartOptions,
    KeptOptions,
    ExistingOptions,
    EventOptions {
  /** Continues what an earlier attempt has left of a file, and keeps what this one leaves. Default true. */
  resume?: boolean | undefined
  /** Asks for a directory, with all that is in it or what a filter leaves of it. */
  tree?: FilterOptions | undefined
  job?: JobOptions | undefined
  /** Has the sender compare what is here of a file with what it has before it goes on; what differs begins anew. Not of a directory. Default false. */
  verifyPrefix?: boolean | undefined
}
