import { SftError } from '../streams/errors.ts'
import type { Outcome, Watch } from './watch.ts'

/** A transfer with its watch, if somebody wants to know of it: how it ends is told, whatever it ends in. */

/** Runs a transfer, and tells how it ends. */
export async function watched<T extends Outcome>(
  watch: Watch | undefined,
  signal: AbortSignal | undefined,
  transfer: () => Promise<T>
): Promise<T> {
  if (!watch) return transfer()
  const result = await transfer().catch((error: unknown) => {
    watch.fail(error, signal)
    throw error
  })
  watch.end(result)
  return result
}

/** Passes the stream of a pipe on, and tells how it ends. */
export async function* watchedStream(
  watch: Watch,
  signal: AbortSignal | undefined,
  stream: AsyncGenerator<Uint8Array>
): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: unknown = new SftError('ERR_SFT_CANCELLED', 'whoever takes the stream has stopped')
  try {
    yield* stream
    failure = undefined
  } catch (error) {
    failure = error
    throw error
  } finally {
    if (failure === undefined) watch.end({ bytes: watch.bytes })
    else watch.fail(failure, signal)
  }
}
