import type { KeyObject } from 'node:crypto'
import { Piscina } from 'piscina'
import { decryptBlocks, encryptBlocks, type OpenedBlocks } from './classic-blocks.ts'

/** Thread entry of the classic pool: some blocks a task, handed over without a copy. */

interface Task {
  readonly key: KeyObject
  readonly data: Uint8Array
}

export function encrypt({ key, data }: Task): Uint8Array {
  const blocks = encryptBlocks(key, data)
  return Piscina.move(blocks) as unknown as Uint8Array
}

export function decrypt({ key, data }: Task): OpenedBlocks {
  return decryptBlocks(key, data)
}
