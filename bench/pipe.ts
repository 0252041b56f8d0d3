import type { Case } from './measure.ts'
import { OUR_PIPE_MOVERS } from './own-movers.ts'
import { OTHER_PIPE_MOVERS } from './pipe-peers.ts'
import { byPlace } from './transfers.ts'

/** A file through `encrypt | decrypt`. */

export const pipe: Case = {
  name: 'pipe',
  title: 'A file through a pipe',
  unit: 'MB/s',
  async contenders(world) {
    const all = [...OUR_PIPE_MOVERS, ...OTHER_PIPE_MOVERS]
    const movers = world.options.quick ? all.filter(({ name }) => !name.includes('threads')) : all
    return byPlace(world, movers, await world.source())
  }
}
