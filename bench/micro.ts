import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Case, Contender, Sample, Unit } from './measure.ts'
import type { World } from './world.ts'

/**
 * Cases inside one process: each row of each round runs in a fresh child (`micro-child.ts`), which checks, warms up, and times itself; `--quick`
 * takes one round of all rows in one child.
 */

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

/** One child that runs some rows, one after the other. */
async function runRows(world: World, caseName: string, rowNames: readonly string[]): Promise<readonly Sample[]> {
  const stdout = world.target()
  const argv = [process.execPath, CHILD, caseName, ...(world.options.quick ? QUICK : LONG), ...rowNames]
  const [usage] = await world.children.run({ argv, env: await world.identity(), stdout })
  const timed = JSON.parse(await readFile(stdout, 'utf8')) as Omit<Sample, 'memory'>[]
  await world.discard(stdout)
  return timed.map(each => ({ ...each, memory: [usage?.memory] }))
}

/** Makes a case of rows that run in a child each; in a quick run one child runs them all, since it is not there for its figures. */
export function microCase({ name, title, unit, rows }: MicroCase): Case {
  const contenders = async (world: World): Promise<readonly Contender[]> => {
    const { quick } = world.options
    const some = rows.filter(({ long }) => !(long && quick))
    const names = some.map(row => row.name)
    return some.map(({ prepare: _, long: __, ...row }, index) => {
      const run = async (): Promise<Sample> => {
        const samples = quick
          ? await world.once(`rows of ${name}`, () => runRows(world, name, names))
          : await runRows(world, name, [row.name])
        const sample = samples[quick ? index : 0]
        if (!sample) throw new Error(`no sample of ${row.name}`)
        return sample
      }
      // the child refuses to time what fails its check
      return { ...row, check: async () => {}, run }
    })
  }
  return { name, title, unit, contenders }
}
