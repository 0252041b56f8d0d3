import { OTHER_DIRECTORY_MOVERS, OUR_DIRECTORY_MOVERS } from './directory-movers.ts'
import type { Case, Contender } from './measure.ts'
import { type Mover, type Place, transferContender } from './transfers.ts'

/** A directory of small files, whole programs on both sides: what an entry costs. */

const FILE_BYTES = 4096
const FILES = 10_000
const QUICK_FILES = 200
/** Ours is done when all of it is on the disk, the others when the page cache has it: what is compared with ours is `then sync`. */
const [AS_IT_IS, DURABLE, IN_MEMORY] = ['done when it ends', 'on the disk', 'to a memory file system'] as const

export const directories: Case = {
  name: 'directories',
  title: 'A directory of files of 4 KiB',
  unit: '/s',
  async contenders(world) {
    const { quick } = world.options
    const source = await world.tree(quick ? QUICK_FILES : FILES, FILE_BYTES)
    const memory = quick ? undefined : await world.memoryDirectory()
    const rows = (group: string, movers: readonly Mover[], place: Place): Contender[] =>
      movers.map(mover => ({
        ...transferContender(world, mover, source, place),
        group,
        baseline: mover.baseline === true
      }))
    const all = [...OUR_DIRECTORY_MOVERS, ...OTHER_DIRECTORY_MOVERS]
    return [
      ...rows(AS_IT_IS, all, {}),
      ...(quick ? [] : rows(DURABLE, OUR_DIRECTORY_MOVERS, { unchecked: true })),
      ...(quick ? [] : rows(DURABLE, OTHER_DIRECTORY_MOVERS, { unchecked: true, sync: true })),
      ...(memory === undefined ? [] : rows(IN_MEMORY, all, { unchecked: true, directory: memory }))
    ]
  }
}
