import { randomBytes } from 'node:crypto'
import { SftError } from '../streams/errors.ts'
import type { Destination } from './destination.ts'
import type { SendOptions } from './engine-options.ts'
import type { FileSession } from './file-session.ts'
import type { JobOptions, TransferResult } from './requests.ts'
import type { RetryOptions } from './retry.ts'

/** The end of a transfer that is to happen once (SPEC §8.8): it is noted here before the other side forgets it. */

/** @throws SftError ERR_SFT_USAGE: what was done before can not be signed again. */
export function requireNoReceipt({ job, receipt }: Pick<SendOptions, 'job' | 'receipt'>): void {
  if (job && receipt) throw new SftError('ERR_SFT_USAGE', 'a receipt is of one transfer, not of a job')
}

/** A key of a job of any kind, in bytes. */
const KEY_BYTES = 32

/**
 * The job that a call is: the caller's, or one of its own where it attempts again, since an attempt may have done everything and only its last answer been lost (M83). A receipt is of
 * the attempt that it signs.
 */
export function jobOf({ job, receipt }: Pick<SendOptions, 'job' | 'receipt'>, { retry = 0 }: RetryOptions) {
  if (job || receipt || retry === 0) return job
  return { key: randomBytes(KEY_BYTES), note: async (): Promise<void> => {} }
}

/** What comes of a transfer that an earlier attempt has done. */
export function resultBefore(bytes = 0, metadata: TransferResult['metadata'] = {}): TransferResult {
  return { bytes, resumedAt: bytes, kind: 'durable', metadata, connections: 0, before: true }
}

/** Notes what was sent; a session ends in order only then, which is what the receiver waits for. */
export async function noted(
  result: TransferResult,
  job: JobOptions | undefined,
  { session }: Pick<FileSession, 'session'>
): Promise<TransferResult> {
  try {
    await job?.note(result)
    return result
  } catch (cause) {
    await session.abort('cancelled', new SftError('ERR_SFT_CANCELLED', 'the job could not be noted', { cause }))
    throw cause
  }
}

/** Notes what was fetched, and forgets it at its destination. */
export async function notedAt(
  destination: Destination,
  result: TransferResult,
  job: JobOptions | undefined
): Promise<TransferResult> {
  await job?.note(result)
  await destination.noted?.()
  return result
}
