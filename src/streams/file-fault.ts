import { SftError } from './errors.ts'

/** What a file system says of a write, as an error of ours. */
export function asFileFault(cause: unknown): SftError {
  const { code, message } = cause as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new SftError('ERR_SFT_FILE', full ? 'no space left on the disk' : `writing failed: ${message}`, { cause })
}

/** Runs operations on files; what they fail with is ERR_SFT_FILE, an error of ours stays what it is. */
export async function fileFault<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw SftError.is(cause) ? cause : asFileFault(cause)
  }
}
