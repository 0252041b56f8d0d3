import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Evidence } from '../model.ts'
import type { Commands } from './commands.ts'

/** One thing that an attacker did, and what came of it. */
export interface Attempt extends Evidence {
  /** Whether it was refused as it must be; of a control, whether it was taken. */
  readonly held: boolean
}

/** Whether something has a name in the directory of the proof. */
export async function isThere({ directory }: Commands, name: string): Promise<boolean> {
  try {
    await access(join(directory, name))
    return true
  } catch {
    return false
  }
}
