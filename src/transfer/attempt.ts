import type { GetOptions, SendOptions } from './engine-options.ts'
import type { FileSession } from './file-session.ts'
import type { Inputs } from './inputs.ts'
import type { Meter } from './meter.ts'
import { noted, notedAt, resultBefore } from './once.ts'
import { type Output, openOutput, receivedName } from './output.ts'
import type { TransferResult } from './requests.ts'
import type { Watch } from './watch.ts'

/** One attempt of a transfer with a peer that is dialled for it. */
export interface Attempt {
  readonly dial: () => Promise<FileSession>
  readonly watch: Watch | undefined
  readonly meter: Meter | undefined
}

export async function sendOnce(
  inputs: Inputs,
  { name: told, tree, job, receipt, verifyPrefix, onRestart, onKept }: SendOptions,
  { dial, watch, meter }: Attempt
): Promise<TransferResult> {
  await using opened = await inputs.open(told, watch?.tree(tree) ?? tree)
  const outgoing = watch?.outgoing(opened) ?? opened
  await using session = await dial()
  const { name = 'stdin', size } = outgoing.metadata
  const offer = { name, size, job: job?.key }
  const result = await session.put(offer, meter?.outgoing(outgoing) ?? outgoing, {
    receipt,
    verifyPrefix,
    onRestart,
    onKept
  })
  return await noted(result, job, session)
}

export async function getOnce(
  { peer, path }: { peer: string; path: string },
  output: Output,
  { force, existing, resume, job, tree, verifyPrefix, signal, onRestart, onKept }: GetOptions,
  { dial, watch, meter }: Attempt
): Promise<TransferResult> {
  const place = await openOutput(output, {
    force,
    existing,
    owner: resume === false ? undefined : { peer, direction: 'get' },
    job: job && { peer, direction: 'get', job: job.key },
    name: receivedName(path),
    tree: tree !== undefined,
    signal
  })
  const destination = watch?.destination(place) ?? place
  if (destination.done !== undefined) return await notedAt(destination, resultBefore(destination.done), job)
  try {
    await using session = await dial()
    const result = await session.get(path, meter?.destination(destination) ?? destination, {
      tree,
      onRestart,
      verifyPrefix
    })
    return await notedAt(destination, result, job)
  } catch (error) {
    onKept?.((await destination.begun?.().catch(() => undefined))?.bytes ?? 0)
    await destination.lost?.()
    throw error
  }
}
