import { constants } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import { SftError } from '../streams/errors.ts'
import { readFile } from '../streams/read-file.ts'
import type { Stage } from '../streams/types.ts'
import { writeAll } from '../streams/write-file.ts'

/**
 * Holds a stream back until its source has ended well: bytes flow into a private file (created exclusively, 0600), and out of it only
 * afterwards, so that a consumer such as `tar` never acts on the first part of a stream that turns out to be cut. The file is
 * removed at the end, also on error. Memory: two pieces; disk: the whole stream.
 *
 * @throws SftError ERR_SFT_EXISTS when the file is there already, ERR_SFT_FILE.
 */
export function hold(path: string): Stage<Uint8Array, Uint8Array> {
  return async function* (source) {
    const handle = await open(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600
    ).catch(holdFault)
    try {
      await writeAll(handle, source, { owned: true })
      yield* readFile(path)
    } finally {
      await handle.close()
      await unlink(path)
    }
  }
}

function holdFault(cause: NodeJS.ErrnoException): never {
  if (cause.code === 'EEXIST') throw new SftError('ERR_SFT_EXISTS', 'the file to hold the stream in exists', { cause })
  throw new SftError('ERR_SFT_FILE', `can not hold the stream: ${cause.message}`, { cause })
}
