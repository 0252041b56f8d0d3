import { stat } from 'node:fs/promises'

/** Whether a path is of a directory, or of a link to one. */
export function pointsToDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false
  )
}
