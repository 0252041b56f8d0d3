import type { KeyObject } from 'node:crypto'
import { SftError } from '../streams/errors.ts'
import { STRICT_CHUNK_SIZE, type Suite } from '../workers/construction.ts'
import { type BlockKey, BlockSizes } from '../workers/strict-blocks.ts'
import type { Recipient } from './stream-header.ts'

/** The strict suite in a transfer (SPEC §7.6): whose blocks, and how many bytes of a file are in a chunk of them. */

/** The key of a stream's blocks; undefined for any other suite. @param key public of who makes them, private of who opens them */
export function blocksOf(suite: Suite, key: KeyObject, streamId: Uint8Array): BlockKey | undefined {
  return suite === 'rsa-oaep' ? { key, streamId } : undefined
}

/** Bytes of a file in a full chunk. @param key of the receiver */
export function plainChunk(suite: Suite, key: KeyObject, chunkSize: number): number {
  return suite === 'rsa-oaep' ? new BlockSizes(key).plain(chunkSize) : chunkSize
}

/** What protects the bytes of a stream, and what that costs whoever receives it. */
export interface Protection {
  readonly suite: Suite
  /** Bytes of a file that an RSA private operation of the receiver gives; absent where there are none. */
  readonly operationBytes?: number
}

/** @param key of the receiver */
export function protectionOf(suite: Suite, key: KeyObject): Protection {
  return suite === 'rsa-oaep' ? { suite, operationBytes: new BlockSizes(key).capacity } : { suite }
}

/** How it is told of a transfer in which so many bytes moved: with the operations, at least, that they cost. */
export function costOf({ suite, operationBytes }: Protection, bytes: number): Protected {
  return operationBytes === undefined ? { suite } : { suite, privateOperations: Math.ceil(bytes / operationBytes) }
}

/** What a transfer says of its protection. */
export interface Protected {
  /** Absent where nothing moved. */
  suite?: Suite
  /** RSA private operations that the bytes that moved have cost their receiver, at least; of the strict suite only. */
  privateOperations?: number
}

/** Bytes a chunk that a suite takes, of those that it may have. */
export function chunkSizeFor(suite: Suite, chunkSize: number): number {
  return suite === 'rsa-oaep' ? Math.min(chunkSize, STRICT_CHUNK_SIZE) : chunkSize
}

/** @throws SftError ERR_SFT_USAGE: a block is under one key, and the blocks are the stream. */
export function requireOneRecipient(suite: Suite, recipients: readonly Recipient[]): void {
  if (suite === 'rsa-oaep' && recipients.length > 1)
    throw new SftError(
      'ERR_SFT_USAGE',
      'a stream of the suite rsa-oaep has one recipient: every block is under one key',
      {
        hint: 'make one for each'
      }
    )
}
