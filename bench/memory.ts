import { open } from 'node:fs/promises'
import type { Case, Contender, Row } from './measure.ts'
import { figure, median } from './measure.ts'
import { flow, pipeContender } from './pipe.ts'
import { OURS } from './pipe-peers.ts'
import { formatSize } from './report.ts'
import type { World } from './world.ts'

/** Peak memory of both sides of a pipe, by size: it must not grow with the file. */

const MIB = 1024 * 1024
const GIB = 1024 * MIB
/** Most that a process may take at any size. */
const LIMIT_MIB = 160
/** What a longer stream may take beyond the first: the collector's slack, not the file. */
const FLAT = 1.25

/** A hole of that size: it costs no disk, and reads as zeros. */
function sparseFile(world: World, bytes: number): Promise<string> {
  return world.once(`sparse ${bytes}`, async () => {
    const path = world.target()
    await using file = await open(path, 'wx')
    await file.truncate(bytes)
    return path
  })
}

async function ofSize(world: World, bytes: number): Promise<Contender> {
  const path = await sparseFile(world, bytes)
  return {
    name: `${OURS.name} > /dev/null, ${formatSize(bytes)}`,
    check: async () => {},
    run: () => flow(world, OURS, { path, bytes }, '/dev/null')
  }
}

/** @throws Error when memory grows with the file. */
function verdict(rows: readonly Row[]): string {
  const peaks = rows.map(({ samples }) => median(samples.map(sample => figure(sample, 'MiB'))))
  const known = peaks.filter(peak => !Number.isNaN(peak))
  const [first, ...longer] = known
  if (first === undefined) return 'Nothing here can tell the memory of a process.'
  const grown = longer.find(peak => peak > first * FLAT || peak > LIMIT_MIB)
  if (grown !== undefined) throw new Error(`memory is not flat: ${known.map(Math.round).join(', ')} MiB`)
  return `Flat: at most ${Math.round(Math.max(...known))} MiB a process at any size.`
}

export const memory: Case = {
  name: 'memory',
  title: 'Peak memory of a pipe, by size',
  unit: 'MiB',
  verdict,
  async contenders(world) {
    const { quick, full } = world.options
    const [small, ...larger] = quick ? [64 * MIB, 512 * MIB] : [64 * MIB, 2 * GIB, ...(full ? [20 * GIB] : [])]
    const checked = pipeContender(world, OURS, await world.source(small as number))
    const first = { ...(await ofSize(world, small as number)), check: checked.check, baseline: true }
    return [first, ...(await Promise.all(larger.map(bytes => ofSize(world, bytes))))]
  }
}
