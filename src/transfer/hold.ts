import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { SftError } from '../streams/errors.ts'
import type { Stage } from '../streams/types.ts'
import { writeAll } from '../streams/write-file.ts'
import { allocate } from '../workers/buffers.ts'
import { DEFAULT_CHUNK_SIZE } from '../workers/construction.ts'

/**
 * Holds a stream back until its source has ended well: bytes flow into a private file (created exclusively, 0600), and out of it only
 * afterwards, so that a consumer such as `tar` never acts on the first part of a stream that turns out to be cut. The file loses
 * its name as soon as it is open: nothing is left behind even by a kill, and nobody can put another in its place. Memory: two pieces; disk: the
 * whole stream.
 *
 * @throws SftError ERR_SFT_EXISTS when the file is there already, ERR_SFT_FILE.
 */
export function hold(path: string): Stage<Uint8Array, Uint8Array> {
  return async function* (source) {
    const handle = await createNameless(path).catch(holdFault)
    try {
      await writeAll(handle, source, { owned: true })
      yield* readBack(handle)
    } finally {
      await handle.close()
    }
  }
}

async function createNameless(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const handle = await open(path, flags, 0o600)
  try {
    await unlink(path)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** What was held, from its beginning, in buffers that the consumer owns. */
async function* readBack(handle: FileHandle): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (let position = 0; ; ) {
    const buffer = allocate(DEFAULT_CHUNK_SIZE)
    const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position).catch(holdFault)
    if (bytesRead === 0) return
    position += bytesRead
    yield bytesRead === buffer.byteLength ? buffer : new Uint8Array(buffer.buffer.transfer(bytesRead))
  }
}

function holdFault(cause: NodeJS.ErrnoException): never {
  if (cause.code === 'EEXIST') throw new SftError('ERR_SFT_EXISTS', 'the file to hold the stream in exists', { cause })
  throw new SftError('ERR_SFT_FILE', `can not hold the stream: ${cause.message}`, { cause })
}
