import { Piscina } from 'piscina'
import type { Sealed } from './aead.ts'
import { type OpenTask, openTask, type SealTask, sealTask, type UnwrapTask, unwrapTask } from './tasks.ts'

/** Thread entry of the pool: runs one task and hands its buffers over without a copy. The logic is in `tasks.ts`. */

export function seal(task: SealTask): Sealed {
  const sealed = sealTask(task)
  return handOver(sealed, sealed.ciphertext.buffer)
}

export function open(task: OpenTask): Uint8Array<ArrayBuffer> | undefined {
  const plaintext = openTask(task)
  return plaintext && handOver(plaintext, plaintext.buffer)
}

export function unwrap(task: UnwrapTask): Uint8Array | undefined {
  return unwrapTask(task)
}

function handOver<T>(value: T, buffer: ArrayBuffer): T {
  return Piscina.move({ [Piscina.transferableSymbol]: [buffer], [Piscina.valueSymbol]: value } as never) as T
}
