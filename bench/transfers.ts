import type { Usage } from './children.ts'
import { requireCopy } from './files.ts'
import type { Contender, Sample } from './measure.ts'
import { type MovedFile, missing, type SourceFile, type World } from './world.ts'

/** What every contender that moves a file goes through, whatever moves it: the clock, the check of a copy, and the places it goes to. */

/** A way to move a file. */
export interface Mover {
  readonly name: string
  /** Programs that must be installed; none are named for ours. */
  readonly needs?: readonly string[]
  /** The first that can run is what the others of its table are divided by. */
  readonly baseline?: boolean
  /** It can not write to a device. */
  readonly filesOnly?: boolean
  /** It has a second row, in which the disk has the file before the clock stops, as it has with ours. */
  readonly synced?: boolean
  /** Why it can not run with a file of that size. */
  unable?(bytes: number): string | undefined
  /** Makes all ready that is there before the clock starts, such as a listening side. */
  prepare(world: World, job: Job): Promise<Prepared>
}

export interface Job {
  readonly source: MovedFile
  readonly target: string
  /** Milliseconds after which the children are killed. */
  readonly deadline: number
}

export interface Prepared {
  /** What is timed; resolves with what each process used, the sender first. */
  run(): Promise<readonly Usage[]>
  /** Ends a server, whose usage comes before that of the others. */
  close?(): Promise<readonly Usage[]>
}

/** Where a transfer goes that is to touch no disk. */
export const NOWHERE = '/dev/null'

const TO_FILE = 'to a file'
const TO_MEMORY = 'to a memory file system'
const TO_NOWHERE = 'to /dev/null'

/** Bytes of the largest source that is read before each run; larger ones are holes. */
const READ_AGAIN = 1024 ** 3
const DEADLINE_MS = 60_000
/** Bytes a millisecond, 10 MB/s: what is slower hangs. */
const SLOWEST = 10_000

interface TransferOptions {
  /** Asks for the target to be on the disk before the clock stops. */
  readonly sync?: boolean
}

/** One transfer. */
export async function transfer(
  world: World,
  mover: Mover,
  source: MovedFile,
  target: string,
  { sync = false }: TransferOptions = {}
): Promise<Sample> {
  const deadline = DEADLINE_MS + source.bytes / SLOWEST
  // the quick run is there to see that all work, not for its figures
  if (!world.options.quick) await settle(world, source, deadline)
  const { run, close } = await mover.prepare(world, { source, target, deadline })
  const start = performance.now()
  const used = [...(await run())]
  const [synced] = sync ? await world.children.run({ argv: ['sync', syncFlag(source), target] }, { deadline }) : []
  const seconds = (performance.now() - start) / 1000
  if (close) used.unshift(...(await close()))
  return sampleOf(source.files ?? source.bytes, seconds, used, synced?.cpu)
}

/** Of a directory all that the file system has to write, with its names. */
function syncFlag({ files }: MovedFile): string {
  return files === undefined ? '-d' : '-f'
}

/**
 * The source into the page cache, and what earlier runs have left for the disk onto it: a file that is removed is work for the next commit of the file
 * system, and whoever flushes next would wait for it.
 */
async function settle(world: World, source: MovedFile, deadline: number): Promise<void> {
  await world.children.run({ argv: ['sync', '-f', world.directory] }, { deadline })
  const reading = source.files === undefined ? ['cat', source.path] : ['grep', '-rc', '', source.path]
  if (source.bytes <= READ_AGAIN) await world.children.run({ argv: reading, stdout: '/dev/null' }, { deadline })
}

export function sampleOf(amount: number, seconds: number, used: readonly Usage[], more = 0): Sample {
  const cpu = used.reduce((sum, { cpu: each = Number.NaN }) => sum + each, more)
  return { amount, seconds, cpu, memory: used.map(({ memory }) => memory), ...boundBy(used) }
}

/** Which stage each side waited for, as our command says with `--stats`. */
function boundBy(used: readonly Usage[]): Pick<Sample, 'more'> {
  const stages = used.map(({ stderr }) => [...stderr.matchAll(/bound by (\w+)/g)].at(-1)?.[1])
  if (stages.every(stage => stage === undefined)) return {}
  return { more: { 'bound by': stages.map(stage => stage ?? '–').join(' / ') } }
}

export interface Place extends TransferOptions {
  /** Default: this run's own directory. */
  readonly directory?: string
  readonly nowhere?: boolean
  /** What moves to nowhere, or has been checked elsewhere, is not checked again. */
  readonly unchecked?: boolean
}

/** A contender that moves a file or a directory; it is checked by a copy. */
export function transferContender(world: World, mover: Mover, source: SourceFile, place: Place = {}): Contender {
  const { quick } = world.options
  let checked: Sample | undefined
  const toFile = async (check: boolean): Promise<Sample> => {
    const target = world.target(place.directory)
    try {
      const sample = await transfer(world, mover, source, target, place)
      if (check) await requireCopy(target, source)
      return sample
    } finally {
      await world.discard(target)
    }
  }
  const run = (): Promise<Sample> => (place.nowhere ? transfer(world, mover, source, NOWHERE) : toFile(false))
  return {
    name: place.sync ? `${mover.name}, then sync` : mover.name,
    ...(mover.baseline && !place.sync && { baseline: true }),
    missing: missing(...(mover.needs ?? [])) ?? mover.unable?.(source.bytes),
    foreign: mover.needs !== undefined,
    check: async () => {
      if (!place.unchecked) checked = await toFile(true)
    },
    // the quick run is there to see that all work: the run that was checked is enough
    run: async () => (quick ? (checked ?? (await run())) : await run())
  }
}

/** Every mover to a file, to a memory file system, and to nowhere; in a quick run the first of ours and the first of others stand for all. */
export async function byPlace(world: World, movers: readonly Mover[], source: SourceFile): Promise<Contender[]> {
  const { quick } = world.options
  const memory = await world.memoryDirectory()
  const group = (group: string, of: readonly Mover[], place: Place): Contender[] =>
    of.map(mover => ({ ...transferContender(world, mover, source, place), group }))
  const some = quick ? movers.filter(mover => mover === movers[0] || mover === movers.find(isBaseline)) : movers
  const writers = quick ? [] : movers.filter(({ filesOnly }) => !filesOnly)
  const synced = movers.filter(({ synced }) => synced)
  return [
    ...group(TO_FILE, movers, {}),
    ...group(TO_FILE, synced, { sync: true, unchecked: true }),
    ...(memory === undefined ? [] : group(TO_MEMORY, some, { directory: memory, unchecked: true })),
    ...group(TO_NOWHERE, writers, { nowhere: true, unchecked: true })
  ]
}

function isBaseline({ baseline }: Mover): boolean {
  return baseline === true
}
