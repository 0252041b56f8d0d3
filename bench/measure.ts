import type { World, WorldOptions } from './world.ts'

/** What a bench case is, and how its contenders are timed: interleaved, in fresh processes, and only after a check. */

/** One timed run. */
export interface Sample {
  /** Bytes moved, or operations done. */
  readonly amount: number
  readonly seconds: number
  /** CPU seconds of all sides, user and system; `undefined` where nothing here can tell. */
  readonly cpu: number | undefined
  /** Peak MiB of each process, the sender first. */
  readonly memory: readonly (number | undefined)[]
  /** The figure of the case, where it is not that of `amount` and `seconds`. */
  readonly value?: number
  /** Further columns by their headings: of figures the median is shown, of words the most frequent, for each side (`read / write`). */
  readonly more?: Readonly<Record<string, number | string>>
}

export interface Contender {
  readonly name: string
  /** Heading of the table it stands in; one table by default. */
  readonly group?: string
  /** Of its group, where that is not the unit of the case. */
  readonly unit?: Unit
  /** The first contender of a group that can run and says so is what the others are divided by. */
  readonly baseline?: boolean
  /** Why it can not run here, such as `not installed`. */
  readonly missing?: string | undefined
  /** A program of others: when its check fails, its row says so and the bench goes on. */
  readonly foreign?: boolean
  /** Throws unless a round trip gives back what went in. It is the warm-up too. */
  check(): Promise<void>
  run(): Promise<Sample>
}

/** `MB/s` is 10^6 bytes, `/s` is operations, `ms` and `µs` are of one operation, `s` is of a run, `MiB` is peak memory; but for the first two, less is better. */
export type Unit = 'MB/s' | '/s' | 's' | 'ms' | 'µs' | 'MiB'

export interface Case {
  readonly name: string
  readonly title: string
  readonly unit: Unit
  contenders(world: World): Promise<readonly Contender[]>
  /** Adds to the rows what only all of them together can tell. */
  derive?(rows: readonly Row[]): readonly Row[]
  /** Says in a line what the rows show; throws when they break a promise. */
  verdict?(rows: readonly Row[], options: WorldOptions): string
}

export interface Row {
  readonly contender: Contender
  readonly samples: readonly Sample[]
  /** Why there are no samples: a few words for the table, and what was said. */
  readonly missing: string | undefined
  readonly reason: string | undefined
}

/**
 * Checks every contender, then runs each once a round, in an order drawn anew for every round. In a fixed order a contender's place decides: here
 * transfers to a file were found to be fast and slow in turns, whoever ran.
 *
 * @param atOnce - more than one where figures do not matter
 */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
  onProgress: (text: string) => void,
  atOnce = 1
): Promise<readonly Row[]> {
  const rows = await forEach(contenders, atOnce, async contender => {
    onProgress(`check ${contender.name}`)
    const reason = contender.missing === undefined ? await failedCheck(contender) : undefined
    const missing = reason === undefined ? contender.missing : 'fails here'
    return { contender, samples: [] as Sample[], missing, reason }
  })
  const able = rows.filter(({ missing }) => missing === undefined)
  for (let round = 0; round < rounds; round++) {
    await forEach(shuffled(able), atOnce, async ({ contender, samples }) => {
      onProgress(`round ${round + 1} of ${rounds}: ${contender.name}`)
      samples.push(await contender.run())
    })
  }
  return rows
}

/** What `work` makes of each item, in their order. */
async function forEach<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const todo = items.entries()
  const lane = async (): Promise<void> => {
    for (const [index, item] of todo) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return results
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map(item => ({ item, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

/** Why the program of others does not do its work here. @throws what the check of one of ours throws. */
async function failedCheck(contender: Contender): Promise<string | undefined> {
  try {
    await contender.check()
    return undefined
  } catch (error) {
    if (!contender.foreign) throw error
    return (error as Error).message
  }
}

/** The figure of one sample in a unit. */
export function figure({ amount, seconds, memory, value }: Sample, unit: Unit): number {
  if (value !== undefined) return value
  if (unit === 'MB/s') return amount / 1e6 / seconds
  if (unit === '/s') return amount / seconds
  if (unit === 's') return seconds
  if (unit === 'ms') return (seconds * 1e3) / amount
  if (unit === 'µs') return (seconds * 1e6) / amount
  return Math.max(...memory.map(peak => peak ?? Number.NaN))
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2
}

/** Median of the ratios round by round: what the machine did to both in one round cancels out. */
export function ratio(row: Row, baseline: Row, unit: Unit): number {
  const ratios = row.samples.map((sample, round) => {
    const other = baseline.samples[round]
    return other === undefined ? Number.NaN : figure(sample, unit) / figure(other, unit)
  })
  return median(ratios)
}

/** The row that the others of its group are divided by. */
export function baselineOf(rows: readonly Row[]): Row | undefined {
  return rows.find(({ contender, samples }) => contender.baseline === true && samples.length > 0)
}
