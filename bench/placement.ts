import { availableParallelism } from 'node:os'
import type { Command } from './children.ts'
import type { Case, Contender } from './measure.ts'
import { type Dressing, piped, pull } from './own-movers.ts'
import { NOWHERE, transfer, transferContender } from './transfers.ts'
import { missing, type World } from './world.ts'

/** Threads by the processors that both sides share, to /dev/null: where does inline work win? */

const PROCESSORS = ['0', '0,1'] as const

function on(processors: string): Dressing {
  return (command: Command) => ({ ...command, argv: ['taskset', '-c', processors, ...command.argv] })
}

async function placed(world: World, processors: string): Promise<Contender[]> {
  const source = await world.source()
  const threads = world.options.quick ? ['0'] : ['0', '1', '2']
  const enough = availableParallelism() >= processors.split(',').length ? undefined : 'too few processors'
  const where = processors.length === 1 ? 'one processor' : 'two processors'
  return [piped, pull].flatMap(kind =>
    [[], ...threads.map(count => ['--threads', count])].map((flags, index) => {
      const mover = kind(flags, { dressing: on(processors) })
      return {
        ...transferContender(world, mover, source),
        group: `${where}, ${kind === piped ? 'pipe' : 'socket'}`,
        baseline: index === 0,
        missing: missing('taskset') ?? enough,
        // one of each kind shows that all work
        check: index === 0 && !world.options.quick ? transferContender(world, mover, source).check : async () => {},
        run: () => transfer(world, mover, source, NOWHERE)
      }
    })
  )
}

export const placement: Case = {
  name: 'placement',
  title: 'Threads by the processors that both sides share',
  unit: 'MB/s',
  async contenders(world) {
    const rows = await Promise.all(PROCESSORS.map(processors => placed(world, processors)))
    return world.options.quick ? (rows[0] ?? []).filter(({ group }) => group?.endsWith('pipe')) : rows.flat()
  }
}
