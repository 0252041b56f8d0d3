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
