import type { BigIntStats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { extensionOf, namesFor } from '../streams/existing.ts'

/** Whether something has the name that was wanted for it, or one that it took in its place (M90): of a file or of a directory, which are numbered in different places. */
export async function hasItsName(
  directory: string,
  name: string,
  isIt: (found: BigIntStats) => boolean
): Promise<boolean> {
  for (const extension of new Set(['', extensionOf(name)])) {
    for (const candidate of namesFor(name, extension)) {
      const found = await lstat(join(directory, candidate), { bigint: true }).catch(() => undefined)
      // numbers are taken in turn
      if (found === undefined) break
      if (isIt(found)) return true
    }
  }
  return false
}
