import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Case, Contender, Sample, Unit } from './measure.ts'
import type { World } from './world.ts'

/** Cases inside one process: each row of each round runs in a fresh child (`micro-child.ts`), which checks, warms up, and times itself. */

export interface Micro {
  /** Throws unless what is timed gives the right result. */
  check(): void | Promise<void>
  /** Does some work; returns the bytes or operations of it. */
  step(): number | Promise<number>
  close?(): Promise<void>
}

export interface MicroRow {
  readonly name: string
  readonly baseline?: boolean
  readonly group?: string
  readonly unit?: Unit
  /** Left out with `--quick`. */
  readonly long?: boolean
  prepare(): Promise<Micro> | Micro
}

export interface MicroCase {
  readonly name: string
  readonly title: string
  readonly unit: Unit
  readonly rows: readonly MicroRow[]
}

const CHILD = fileURLToPath(new URL('./micro-child.ts', import.meta.url))

/** Milliseconds of warm-up and of timing, in the child. */
const LONG = ['200', '800']
const QUICK = ['20', '60']

/** Makes a case of rows that run in a child each. */
export function microCase({ name, title, unit, rows }: MicroCase): Case {
  const contender = (world: World, { prepare: _, long, ...row }: MicroRow): Contender => {
    const run = async (): Promise<Sample> => {
      const stdout = world.target()
      const { quick } = world.options
      const argv = [process.execPath, CHILD, name, row.name, ...(quick ? QUICK : LONG)]
      const [usage] = await world.children.run({ argv, env: await world.identity(), stdout })
      const timed = JSON.parse(await readFile(stdout, 'utf8')) as Omit<Sample, 'memory'>
      await world.discard(stdout)
      return { ...timed, memory: [usage?.memory] }
    }
    // the child refuses to time what fails its check
    return { ...row, check: async () => {}, run }
  }
  const contenders = async (world: World): Promise<readonly Contender[]> =>
    rows.filter(({ long }) => !(long && world.options.quick)).map(row => contender(world, row))
  return { name, title, unit, contenders }
}
