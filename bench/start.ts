import { socketContender } from './loopback.ts'
import type { Case, Contender, Sample } from './measure.ts'
import { pipeContender } from './pipe.ts'
import { AGE, OURS } from './pipe-peers.ts'
import { NGINX, OUR_SOCKET_PEERS, SCP } from './socket-peers.ts'
import type { World } from './world.ts'

/** One file of 1 KiB, whole processes: what a transfer costs before its first byte. */

/** A command that does nothing, to see what starting it costs. */
function idle(world: World, name: string, argv: readonly string[]): Contender {
  const run = async (): Promise<Sample> => {
    const start = performance.now()
    const used = await world.children.run({ argv })
    const seconds = (performance.now() - start) / 1000
    return { amount: 1, seconds, cpu: used[0]?.cpu, memory: used.map(({ memory }) => memory) }
  }
  return { name, check: async () => void (await run()), run }
}

export const start: Case = {
  name: 'start',
  title: 'One file of 1 KiB, whole processes',
  unit: 's',
  async contenders(world) {
    const source = await world.source(1024)
    const ours = OUR_SOCKET_PEERS.filter(({ name }) => !name.includes('threads'))
    return [
      pipeContender(world, OURS, source),
      ...ours.map(peer => socketContender(world, peer, source)),
      { ...socketContender(world, SCP, source), baseline: true },
      socketContender(world, NGINX, source),
      { ...pipeContender(world, AGE, source), baseline: false },
      { ...idle(world, 'node -e 0', [process.execPath, '-e', '0']), baseline: true },
      idle(world, 'true (what the bench itself adds)', ['true'])
    ]
  }
}
