import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Case, Contender, Sample } from './measure.ts'
import { socketMover } from './movers.ts'
import { OUR_LINE, ownProgram, pull, serving } from './own-movers.ts'
import { NGINX, nginxRepeated } from './socket-peers.ts'
import { type Mover, transfer, transferContender } from './transfers.ts'
import type { SourceFile, World } from './world.ts'

/** A small file, again and again in one open session: what a round trip of a request costs. */

const BYTES = 1024

/** The driver writes the milliseconds of each transfer into the target, as curl does with seconds. */
function ownRepeated(count: number): Mover {
  return socketMover({
    name: 'sft library, session.get ← sft serve',
    ready: OUR_LINE,
    serves: true,
    listener: (world, { source }) => serving(world, dirname(source.path)),
    dialler: async (world, { source, target, port }) => ({
      ...(await ownProgram(world, './latency-child.ts', String(port), source.name, String(count))),
      stdout: target
    })
  })
}

/** The value that a share of all are not above. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
}

interface Repeating {
  readonly repeated: Mover
  /** Moves the same file once, and is checked by that. */
  readonly once: Mover
  /** Milliseconds of one of the figures that it writes. */
  readonly scale: number
}

function repeating(world: World, source: SourceFile, warmUp: number, { repeated, once, scale }: Repeating): Contender {
  const run = async (): Promise<Sample> => {
    const target = world.target()
    const { more: _, ...sample } = await transfer(world, repeated, source, target)
    const times = (await readFile(target, 'utf8')).trim().split('\n').map(Number)
    await world.discard(target)
    const sorted = times
      .slice(warmUp)
      .map(each => each * scale)
      .toSorted((a, b) => a - b)
    const columns = { 'p99 ms': quantile(sorted, 0.99), 'max ms': sorted.at(-1) ?? Number.NaN }
    return { ...sample, amount: times.length, value: quantile(sorted, 0.5), more: columns }
  }
  const { missing, foreign, check } = transferContender(world, once, source)
  return { name: repeated.name, missing, foreign: foreign ?? false, check, run }
}

export const latency: Case = {
  name: 'latency',
  title: 'One file of 1 KiB in an open session, p50',
  unit: 'ms',
  async contenders(world) {
    const { quick } = world.options
    const [count, warmUp] = quick ? [200, 50] : [2500, 500]
    const source = await world.source(BYTES)
    return [
      repeating(world, source, warmUp, { repeated: ownRepeated(count), once: pull(), scale: 1 }),
      {
        ...repeating(world, source, warmUp, { repeated: nginxRepeated(count), once: NGINX, scale: 1000 }),
        baseline: true
      }
    ]
  }
}
