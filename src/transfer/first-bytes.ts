import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { SftError } from '../streams/errors.ts'
import { allocate, release } from '../workers/buffers.ts'

/** What is there of a file, to be compared (SPEC §8.4, M85). Memory: 1 MiB. */

const READ_BYTES = 1024 * 1024

/** In one buffer, piece by piece: the consumer has each until it asks for the next. */
export async function* firstBytes(path: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(unreadable)
  const buffer = allocate(Math.min(READ_BYTES, bytes))
  try {
    for (let at = 0; at < bytes; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.byteLength, bytes - at), at).catch(unreadable)
      // whoever counts them sees that some are gone
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
    release(buffer)
  }
}

function unreadable(cause: Error): never {
  throw new SftError('ERR_SFT_FILE', `what is there of the file can not be read: ${cause.message}`, { cause })
}
