import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Case, type Contender, median, type Sample } from './measure.ts'
import { OUR_LINE, ownProgram } from './own-movers.ts'
import { sampleOf } from './transfers.ts'
import type { SourceFile, World } from './world.ts'

/** Many sessions at once on one server: all complete, and share fairly. */

const CHILD = './sessions-child.ts'
const MIB = 1024 * 1024
const SPARE = 100
const CHECKED = 10
const DEADLINE = { deadline: 600_000 }

interface Timed {
  /** Seconds until all sessions were open. */
  readonly opening: number
  /** Seconds from the common start to the end of each transfer. */
  readonly times: readonly number[]
}

/** @throws Error when any session fails. */
async function together(world: World, source: SourceFile, count: number, check = false): Promise<Sample> {
  const server = world.children.start(
    await ownProgram(world, CHILD, 'serve', dirname(source.path), String(count + SPARE)),
    DEADLINE
  )
  const [, port = ''] = await server.ready(OUR_LINE)
  const stdout = world.target()
  const get = await ownProgram(world, CHILD, 'get', port, source.name, String(count), ...(check ? [source.hash] : []))
  const driver = await world.children.run({ ...get, stdout }, DEADLINE)
  const { opening, times } = JSON.parse(await readFile(stdout, 'utf8')) as Timed
  await world.discard(stdout)
  const used = [...(await server.stop()), ...driver]
  const [fastest, slowest] = [Math.min(...times), Math.max(...times)]
  return {
    ...sampleOf(times.length * source.bytes, slowest, used),
    more: {
      completed: times.length,
      'open s': opening,
      'fastest s': fastest,
      'slowest s': slowest,
      'slowest ÷ median': slowest / median(times)
    }
  }
}

export const sessions: Case = {
  name: 'sessions',
  title: 'Sessions at once, each with a file of 1 MiB',
  unit: 'MB/s',
  verdict: () => 'Every session completed; one that does not ends the bench.',
  async contenders(world) {
    const source = await world.source(MIB)
    const { quick } = world.options
    const counts = quick ? [50] : [10, 100, 1000]
    return counts.map(
      (count, index): Contender => ({
        name: `${count.toLocaleString('en-US')} sessions`,
        baseline: index === 0,
        check: async () => {
          if (index === 0 && !quick) await together(world, source, CHECKED, true)
        },
        run: () => together(world, source, count, quick)
      })
    )
  }
}
