import type { BigIntStats } from 'node:fs'
import type { Metadata } from '../streams/header.ts'
import type { Source } from '../streams/types.ts'
import type { Protection } from './strict.ts'
import type { Entry } from './tree/entry.ts'

/** What is to be sent, whatever it is: a file, a directory, what is read once. */

/** Bytes below which a file is sent again sooner than continued. */
const RESUMABLE_FROM = 4 * 1024 * 1024

/** A source with what is told of it. */
export interface Outgoing {
  metadata: Omit<Metadata, 'created'>
  /** A regular file: its chunks are full. */
  file: boolean
  /** Plaintext, from a byte on that is 0 unless `id` is there; its buffers are handed over when `owned`. A source that waits lets go when `signal` aborts. */
  source: (signal: AbortSignal, start?: number) => Source<Uint8Array>
  /** What tells this state of this file from any other; see `fileId`. Without it a transfer can not be resumed. */
  stat?: BigIntStats | undefined
  /** Of a directory, instead of `stat`. */
  tree?: OutgoingTree | undefined
  /** Of what is read once, and kept in part, instead of `stat`. */
  replay?: OutgoingReplay | undefined
  /** Told what protects the stream, before its first byte is read. */
  onProtection?: ((protection: Protection) => void) | undefined
  /** Told when a chunk is there to be written. */
  onWriting?: (() => void) | undefined
  /** Told of plaintext bytes once their chunk is written to the connection. */
  onWritten?: ((bytes: number) => void) | undefined
  owned: boolean
}

export interface OutgoingReplay {
  /** 32 bytes, of no other source. */
  readonly id: Uint8Array
  /** Bytes that were read. */
  readonly read: number
  /** Begins an attempt there. @throws SftError ERR_SFT_REPLAY when what follows is kept no more. */
  begin(start: number): void
  /** Bytes of all of it. @throws SftError ERR_SFT_PROTOCOL when its end was not read yet. */
  whole(): number
}

export interface OutgoingTree {
  /** Of the archive that went last, or goes. */
  readonly counts: { readonly entries: number; readonly omitted: number }
  /** Its entries, in their order, without their contents; what has to be left out is told as when it is sent. */
  list(): AsyncIterable<Entry>
  /** What tells the beginning of the archive, so many bytes of it, from any other; undefined when it is shorter. */
  idAt(bytes: number): Promise<Uint8Array | undefined>
}

/** True for what is worth a part at its receiver. */
export function isResumable({ stat, tree }: Pick<Outgoing, 'stat' | 'tree'>): boolean {
  return tree !== undefined || (stat !== undefined && Number(stat.size) >= RESUMABLE_FROM)
}
