import type { Case, Contender, Sample } from './measure.ts'
import { OUR_SOCKET_MOVERS, piped } from './own-movers.ts'
import { AGE } from './pipe-peers.ts'
import { NGINX, SCP } from './socket-peers.ts'
import { type Mover, sampleOf, transferContender } from './transfers.ts'
import type { World } from './world.ts'

/** One file of 1 KiB, whole processes: what a transfer costs before its first byte. */

/** A command that does nothing, to see what starting it costs. */
function idle(world: World, name: string, argv: readonly string[]): Contender {
  const run = async (): Promise<Sample> => {
    const start = performance.now()
    const used = await world.children.run({ argv })
    const seconds = (performance.now() - start) / 1000
    return sampleOf(1, seconds, used)
  }
  return { name, check: async () => void (await run()), run }
}

export const start: Case = {
  name: 'start',
  title: 'One file of 1 KiB, whole processes',
  unit: 's',
  async contenders(world) {
    const source = await world.source(1024)
    const ours = OUR_SOCKET_MOVERS.filter(({ name }) => !name.includes('threads'))
    const moving = (mover: Mover): Contender => ({
      ...transferContender(world, mover, source),
      baseline: mover === SCP
    })
    return [
      ...[piped(), ...ours, SCP, NGINX, AGE].map(moving),
      { ...idle(world, 'node -e 0', [process.execPath, '-e', '0']), baseline: true },
      idle(world, 'true (what the bench itself adds)', ['true'])
    ]
  }
}
