import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { median } from './measure.ts'
import { formatNumber } from './report.ts'
import type { World } from './world.ts'

/** Whether the machine was quiet: the same work on every processor before and after a case; on a quiet machine all of it takes the same time. */

const CHILD = fileURLToPath(new URL('./noise-child.ts', import.meta.url))
const MOST_PROCESSORS = 8
/** Pulses and milliseconds of each. */
const LONG = ['3', '300']
const QUICK = ['3', '20']

/** MB/s of SHA-256, pulse by pulse, of every processor at once, but for a quick run. */
export async function calibrate(world: World): Promise<readonly number[]> {
  const { quick } = world.options
  const processors = quick ? 1 : Math.min(availableParallelism(), MOST_PROCESSORS)
  const outputs = Array.from({ length: processors }, () => world.target())
  const argv = [process.execPath, CHILD, ...(quick ? QUICK : LONG)]
  await Promise.all(outputs.map(stdout => world.children.run({ argv, stdout })))
  const pulses = outputs.map(async output => {
    const text = await readFile(output, 'utf8')
    await world.discard(output)
    return JSON.parse(text) as number[]
  })
  return (await Promise.all(pulses)).flat()
}

/** A few words for the line of conditions. */
export function noiseText(before: readonly number[], after: readonly number[]): string {
  const all = [...before, ...after]
  const spread = (Math.max(...all) - Math.min(...all)) / median(all)
  return `calibration ${formatNumber(median(all))} MB/s of SHA-256 a processor, spread ${Math.round(spread * 100)} % before and after`
}
