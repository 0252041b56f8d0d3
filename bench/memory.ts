import type { Case, Contender, Row } from './measure.ts'
import { figure, median } from './measure.ts'
import { piped, pull } from './own-movers.ts'
import { formatSize } from './report.ts'
import { type Mover, NOWHERE, transfer, transferContender } from './transfers.ts'
import type { World } from './world.ts'

/** Peak memory by size of a stream, of holes to nowhere: it must not grow with the file. */

const MIB = 1024 * 1024
const GIB = 1024 * MIB

/** What is promised, in MiB a process and as the growth from the first to any longer stream. */
interface Promised {
  readonly pipe: number
  readonly socket: number
  readonly growth: number
}

/** A first stream of 64 MiB may end before the collector has settled. */
const TOLERANT: Promised = { pipe: 160, socket: 160, growth: 1.25 }
/** From 1 GiB to 20 GiB. */
const STRICT: Promised = { pipe: 128, socket: 160, growth: 1.05 }

const WAYS = { pipe: piped(), socket: pull() } as const

async function ofSize(world: World, mover: Mover, bytes: number): Promise<Contender> {
  const source = await world.hole(bytes)
  return {
    name: `${mover.name}, ${formatSize(bytes)}`,
    check: async () => {},
    run: () => transfer(world, mover, source, NOWHERE)
  }
}

async function rowsOf(world: World, way: keyof typeof WAYS, sizes: readonly number[]): Promise<Contender[]> {
  const mover = WAYS[way]
  // the other cases of a quick run check the same
  const unchecked = async (): Promise<void> => {}
  const check = world.options.quick ? unchecked : transferContender(world, mover, await world.source(MIB)).check
  const rows = await Promise.all(sizes.map(bytes => ofSize(world, mover, bytes)))
  return rows.map((row, index) => ({ ...row, group: way, ...(index === 0 && { check, baseline: true }) }))
}

/** @throws Error when memory grows with the file, or is more than what is promised. */
function verdict(rows: readonly Row[], promised: Promised): string {
  const says = Object.keys(WAYS).map(way => {
    const peaks = rows
      .filter(({ contender }) => contender.group === way)
      .map(({ samples }) => median(samples.map(sample => figure(sample, 'MiB'))))
      .filter(peak => !Number.isNaN(peak))
    const [first, most] = [peaks[0], Math.max(...peaks)]
    if (first === undefined) return `${way}: nothing here can tell the memory of a process`
    const limit = promised[way as keyof typeof WAYS]
    const said = `${way}: ${peaks.map(Math.round).join(', ')} MiB`
    if (most > first * promised.growth || most > limit) throw new Error(`memory is not flat, ${said}`)
    return `${said} a process, at most ${limit} and ${Math.round((promised.growth - 1) * 100)} % more than the first`
  })
  return `Flat. ${says.join('; ')}.`
}

export const memory: Case = {
  name: 'memory',
  title: 'Peak memory by size',
  unit: 'MiB',
  verdict: (rows, { full }) => verdict(rows, full ? STRICT : TOLERANT),
  async contenders(world) {
    const { full, quick } = world.options
    const usual = quick ? [16 * MIB, 128 * MIB] : [64 * MIB, 2 * GIB]
    const sizes = full ? [GIB, 20 * GIB] : usual
    return [...(await rowsOf(world, 'pipe', sizes)), ...(await rowsOf(world, 'socket', sizes))]
  }
}
