import type { KeyObject } from 'node:crypto'
import type { ClassicDeadlines } from '../../auth/classic/greeting.ts'
import { type ClassicReader, encodeClassic } from '../../auth/classic/wire.ts'
import { SftError } from '../../streams/errors.ts'
import { mapOrdered } from '../../streams/map-ordered.ts'
import type { Stage } from '../../streams/types.ts'
import { allocate } from '../../workers/buffers.ts'
import { blockSize, CLASSIC_BLOCK, type OpenedBlocks } from '../../workers/classic-blocks.ts'
import type { ClassicPool } from '../../workers/classic-pool.ts'

/** The blocks of a file as stages (SPEC §14.5): cut, encrypt ⇉ pool, messages on the one side; batches, decrypt ⇉ pool, bytes on the other. */

/** Blocks a task: encrypting one takes about 0.03 ms, opening one 0.8. */
const ENCRYPTED_AT_ONCE = 64
const OPENED_AT_ONCE = 16
/** Bytes of a file that one task encrypts. */
export const CLASSIC_PIECE = ENCRYPTED_AT_ONCE * CLASSIC_BLOCK
const MIN_WINDOW = 2

function windowOf(pool: ClassicPool): () => number {
  return () => Math.max(MIN_WINDOW, pool.threads * 3)
}

/** Encrypts: pieces of `CLASSIC_PIECE` bytes flow in, but for the last, whole `RSFL` messages flow out. Memory: three pieces a thread. */
export function encryptFile(pool: ClassicPool, key: KeyObject): Stage<Uint8Array<ArrayBuffer>, Uint8Array> {
  return async function* (source) {
    const size = blockSize(key)
    for await (const blocks of mapOrdered(windowOf(pool), (piece: Uint8Array<ArrayBuffer>) => pool.encrypt(key, piece))(
      source
    ))
      yield messagesOf(blocks, size)
  }
}

function messagesOf(blocks: Uint8Array, size: number): Uint8Array {
  const messages: Uint8Array[] = []
  for (let offset = 0; offset < blocks.byteLength; offset += size)
    messages.push(encodeClassic('RSFL', blocks.subarray(offset, offset + size)))
  return Buffer.concat(messages)
}

/** Reads blocks until the end: as many as have come flow out together, one behind the other. */
export async function* readBlocks(
  reader: ClassicReader,
  key: KeyObject,
  deadlines: ClassicDeadlines
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const size = blockSize(key)
  let next = readBlock(reader, size, deadlines.firstBlock)
  for (;;) {
    const first = await next
    if (first === undefined) return
    const batch = [first]
    next = ahead(readBlock(reader, size, deadlines.block))
    while (batch.length < OPENED_AT_ONCE && (await isThere(next))) {
      const block = await next
      if (block === undefined) return yield joined(batch, size)
      batch.push(block)
      next = ahead(readBlock(reader, size, deadlines.block))
    }
    yield joined(batch, size)
  }
}

async function readBlock(reader: ClassicReader, size: number, ms: number): Promise<Uint8Array | undefined> {
  const message = await reader.read(['RSFL'], ms)
  if (message && message.payload.byteLength !== size)
    throw new SftError('ERR_SFT_CHUNK_SIZE', 'a classic block has the size of another key')
  return message?.payload
}

/** Its failure waits until somebody asks for it. */
function ahead<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

/** Whether something is settled, or is by the next turn of the event loop. */
function isThere(promise: Promise<unknown>): Promise<boolean> {
  return new Promise(resolve => {
    const turn = setImmediate(() => resolve(false))
    const settled = (): void => {
      clearImmediate(turn)
      resolve(true)
    }
    promise.then(settled, settled)
  })
}

function joined(blocks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = allocate(blocks.length * size)
  for (const [index, block] of blocks.entries()) all.set(block, index * size)
  return all
}

/**
 * Opens: blocks flow in, one behind the other, bytes of the file flow out in their order. Memory: three batches of 16 a thread.
 *
 * @throws SftError ERR_SFT_CHUNK_AUTH for a block that does not open, ERR_SFT_CHUNK_SIZE for one that is empty or too long, or is short and not the last (M149).
 */
export function decryptFile(pool: ClassicPool, key: KeyObject): Stage<Uint8Array<ArrayBuffer>, Uint8Array> {
  return async function* (source) {
    let ended = false
    for await (const opened of mapOrdered(windowOf(pool), (blocks: Uint8Array<ArrayBuffer>) =>
      pool.decrypt(key, blocks)
    )(source)) {
      ended = checkSizes(opened, ended)
      yield opened.data
    }
  }
}

/** @returns whether the last block was a short one, behind which nothing may come */
function checkSizes({ sizes }: OpenedBlocks, ended: boolean): boolean {
  let over = ended
  for (const size of sizes) {
    if (size < 0) throw new SftError('ERR_SFT_CHUNK_AUTH', 'a classic block does not open')
    if (over || size === 0 || size > CLASSIC_BLOCK)
      throw new SftError('ERR_SFT_CHUNK_SIZE', 'a classic block of a size that it can not have here')
    over = size < CLASSIC_BLOCK
  }
  return over
}
