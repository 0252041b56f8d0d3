import type { Case, Contender, Sample } from './measure.ts'
import { PIPE_PEERS, type PipePeer } from './pipe-peers.ts'
import { NOWHERE } from './socket-peers.ts'
import { missing, requireCopy, type SourceFile, type World } from './world.ts'

/** A file through `encrypt | decrypt`, to a file and to nowhere. */

const DEADLINE_MS = 60_000
/** Bytes a millisecond, 10 MB/s: what is slower hangs. */
const SLOWEST = 10_000

/** One run of a pipeline, from the start of both programs to their end. */
export async function flow(
  world: World,
  peer: PipePeer,
  source: Pick<SourceFile, 'path' | 'bytes'>,
  target: string
): Promise<Sample> {
  const [encrypt, decrypt] = await peer.commands(world, source.path)
  const commands = [encrypt, { ...decrypt, stdout: target }]
  const start = performance.now()
  const used = await world.children.run(commands, { deadline: DEADLINE_MS + source.bytes / SLOWEST })
  const seconds = (performance.now() - start) / 1000
  const cpu = used.reduce((sum, { cpu: each = Number.NaN }) => sum + each, 0)
  return { amount: source.bytes, seconds, cpu, memory: used.map(({ memory }) => memory) }
}

export function pipeContender(
  world: World,
  peer: PipePeer,
  source: SourceFile,
  options: { nowhere?: boolean } = {}
): Contender {
  const toFile = async (check: boolean): Promise<Sample> => {
    const target = world.target()
    try {
      const sample = await flow(world, peer, source, target)
      if (check) await requireCopy(target, source)
      return sample
    } finally {
      await world.discard(target)
    }
  }
  return {
    name: peer.name,
    ...(peer.baseline && { baseline: true }),
    missing: missing(...(peer.needs ?? [])),
    foreign: peer.needs !== undefined,
    check: async () => void (await toFile(true)),
    run: () => (options.nowhere ? flow(world, peer, source, NOWHERE) : toFile(false))
  }
}

export const pipe: Case = {
  name: 'pipe',
  title: 'A file through a pipe',
  unit: 'MB/s',
  async contenders(world) {
    const source = await world.source()
    const group = (name: string, nowhere: boolean): Contender[] =>
      PIPE_PEERS.map(peer => ({ ...pipeContender(world, peer, source, { nowhere }), group: name }))
    const checked = group('to /dev/null', true).map(each => ({ ...each, check: async () => {} }))
    return [...group('to a file', false), ...(world.options.quick ? [] : checked)]
  }
}
