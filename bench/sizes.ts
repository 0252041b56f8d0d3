import { type Case, type Contender, median, type Row, type Sample } from './measure.ts'
import { pull, push } from './own-movers.ts'
import { formatSize } from './report.ts'
import { NGINX, SCP, SOCAT } from './socket-peers.ts'
import { cpuFigure } from './tables.ts'
import { type Mover, NOWHERE, transfer, transferContender } from './transfers.ts'
import type { World } from './world.ts'

/** Size by size over a socket to /dev/null: a byte costs the same in a small file as in a large one, once the start is paid. */

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
/** Stands for the start alone. */
const START = KIB
const SIZES = [START, MIB, 16 * MIB, 256 * MIB, GIB, 4 * GIB]
/** What the costs of other sizes are divided by. */
const REFERENCE = GIB
/** Below it the start is most of what is measured. */
const SMALLEST = 16 * MIB
/** Without what the start costs; and without what the first MiB costs, with which our threads start, too. */
const NET = 'net CPU s/GiB'
const BEYOND = 'beyond 1 MiB'

interface Sized extends Contender {
  readonly bytes: number
}

async function sized(world: World, mover: Mover, bytes: number): Promise<Sized> {
  const source = await world.hole(bytes)
  const { missing, foreign, check } = transferContender(world, mover, await world.source(MIB))
  return {
    name: mover.name,
    bytes,
    group: formatSize(bytes),
    ...(bytes === START && { unit: 's' as const }),
    baseline: mover.baseline === true,
    missing,
    foreign: foreign === true,
    // one check of a mover stands for all of its rows
    check: () => world.once(`sizes of ${mover.name}`, async () => await check()),
    run: () => transfer(world, mover, source, NOWHERE)
  }
}

/** CPU seconds a GiB of the bytes that a row moves beyond a smaller one, in the same round. */
function beyond(sample: Sample, smaller: Sample | undefined): number {
  if (smaller?.cpu === undefined || sample.cpu === undefined) return Number.NaN
  return cpuFigure({ ...sample, cpu: sample.cpu - smaller.cpu, amount: sample.amount - smaller.amount }, 'MB/s')
}

function derive(rows: readonly Row[]): readonly Row[] {
  return rows.map(row => {
    const { name, bytes } = row.contender as Sized
    if (bytes === START) return row
    const [start, first] = [START, MIB].map(smaller => rowOf(rows, name, smaller)?.samples)
    const samples = row.samples.map((sample, round) => {
      const more = bytes === MIB ? {} : { [BEYOND]: beyond(sample, first?.[round]) }
      return { ...sample, more: { ...sample.more, [NET]: beyond(sample, start?.[round]), ...more } }
    })
    return { ...row, samples }
  })
}

function rowOf(rows: readonly Row[], name: string, bytes: number): Row | undefined {
  return rows.find(({ contender }) => contender.name === name && (contender as Sized).bytes === bytes)
}

/** How far the cost of a byte is from that at 1 GiB, size by size. */
function shares(rows: readonly Row[], name: string, column: string): string {
  const cost = (row: Row | undefined): number => median((row?.samples ?? []).map(({ more }) => Number(more?.[column])))
  const reference = cost(rowOf(rows, name, REFERENCE))
  return rows
    .filter(({ contender }) => contender.name === name && (contender as Sized).bytes >= SMALLEST)
    .map(row => `${formatSize((row.contender as Sized).bytes)} ${(cost(row) / reference).toFixed(2)}`)
    .join(', ')
}

function verdict(rows: readonly Row[]): string {
  const own = [push().name, pull().name].filter(name => rowOf(rows, name, REFERENCE) !== undefined)
  const said = own.map(name => `- ${name}: net ${shares(rows, name, NET)}; beyond 1 MiB ${shares(rows, name, BEYOND)}`)
  return [
    'Sources are holes, which read as zeros. Net is without the CPU time of 1 KiB in the same round, the other column without that of 1 MiB.',
    ...(said.length === 0 ? [] : [`CPU time of a byte ÷ that at ${formatSize(REFERENCE)}:`, said.join('\n')])
  ].join('\n\n')
}

export const sizes: Case = {
  name: 'sizes',
  title: 'By size, over a socket to /dev/null',
  unit: 'MB/s',
  derive,
  verdict,
  async contenders(world) {
    const { quick, full } = world.options
    const movers = quick ? [pull(), SOCAT] : [pull(), push(), SOCAT, NGINX, SCP]
    const list = quick ? SIZES.slice(0, 3) : [...SIZES, ...(full ? [20 * GIB] : [])]
    return Promise.all(list.flatMap(bytes => movers.map(mover => sized(world, mover, bytes))))
  }
}
