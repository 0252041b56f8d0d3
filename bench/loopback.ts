import type { Case, Contender, Sample } from './measure.ts'
import { OUR_SOCKET_MOVERS } from './own-movers.ts'
import { OTHER_SOCKET_MOVERS } from './socket-peers.ts'
import { byPlace, sampleOf } from './transfers.ts'
import { missing, type SourceFile, type World } from './world.ts'

/** A file over a socket on loopback, whole programs on both sides. */

/** What the disk itself takes: ours is done when the bytes are on it, the others when the page cache has them. */
function disk(world: World, source: SourceFile): Contender {
  const run = async (): Promise<Sample> => {
    const target = world.target()
    const start = performance.now()
    const used = await world.children.run({
      argv: ['dd', `if=${source.path}`, `of=${target}`, 'bs=1M', 'conv=fdatasync', 'status=none']
    })
    const seconds = (performance.now() - start) / 1000
    await world.discard(target)
    return sampleOf(source.bytes, seconds, used)
  }
  return { name: 'dd, fdatasync (the disk)', missing: missing('dd'), check: async () => {}, run }
}

export const loopback: Case = {
  name: 'loopback',
  title: 'A file over a socket',
  unit: 'MB/s',
  async contenders(world) {
    const source = await world.source()
    const all = [...OUR_SOCKET_MOVERS, ...OTHER_SOCKET_MOVERS]
    const movers = world.options.quick
      ? all.filter(({ name }) => !/library|threads|default|128|node:net/.test(name))
      : all
    const rows = await byPlace(world, movers, source)
    const files = rows.filter(({ group }) => group === rows[0]?.group)
    const others = rows.slice(files.length)
    return [...files, { ...disk(world, source), group: files[0]?.group ?? '' }, ...others]
  }
}
