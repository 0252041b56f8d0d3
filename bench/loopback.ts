import type { Case, Contender, Sample } from './measure.ts'
import { NOWHERE, OTHER_SOCKET_PEERS, OUR_SOCKET_PEERS, portFor, type SocketPeer } from './socket-peers.ts'
import { missing, requireCopy, type SourceFile, type World } from './world.ts'

/** A file over a socket on loopback, whole programs on both sides, to a file and to nowhere. */

const DEADLINE_MS = 60_000
/** Bytes a millisecond, 10 MB/s: what is slower hangs. */
const SLOWEST = 10_000

/** One transfer; the time is that of the dialling side and of what ends with it. */
export async function move(world: World, peer: SocketPeer, source: SourceFile, target: string): Promise<Sample> {
  const deadline = DEADLINE_MS + source.bytes / SLOWEST
  const chosen = await portFor(peer)
  const listener = world.children.start(await peer.listener(world, { source, target, port: chosen }), { deadline })
  const [, announced] = await listener.ready(peer.ready)
  const port = announced === undefined ? chosen : Number(announced)
  const dialler = await peer.dialler(world, { source, target, port })
  const start = performance.now()
  const used = [...(await world.children.run(dialler, { deadline }))]
  if (!peer.serves) used.push(...(await listener.ended))
  const seconds = (performance.now() - start) / 1000
  if (peer.serves) used.unshift(...(await listener.stop()))
  const cpu = used.reduce((sum, { cpu: each = Number.NaN }) => sum + each, 0)
  return { amount: source.bytes, seconds, cpu, memory: used.map(({ memory }) => memory) }
}

/** A contender that moves a file; it is checked by a copy. */
export function socketContender(
  world: World,
  peer: SocketPeer,
  source: SourceFile,
  options: { nowhere?: boolean } = {}
): Contender {
  const toFile = async (check: boolean): Promise<Sample> => {
    const target = world.target()
    try {
      const sample = await move(world, peer, source, target)
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
    run: () => (options.nowhere ? move(world, peer, source, NOWHERE) : toFile(false))
  }
}

/** What the disk itself takes: ours is done when the bytes are on it, the others when the page cache has them. */
function disk(world: World, source: SourceFile): Contender {
  const run = async (): Promise<Sample> => {
    const target = world.target()
    const start = performance.now()
    const used = await world.children.run({
      argv: ['dd', `if=${source.path}`, `of=${target}`, 'bs=1M', 'conv=fdatasync', 'status=none']
    })
    const seconds = (performance.now() - start) / 1000
    await world.discard(target)
    return { amount: source.bytes, seconds, cpu: used[0]?.cpu, memory: used.map(({ memory }) => memory) }
  }
  return {
    name: 'dd, fdatasync (the disk; only ours waits for it)',
    missing: missing('dd'),
    check: async () => {},
    run
  }
}

export const loopback: Case = {
  name: 'loopback',
  title: 'A file over a socket',
  unit: 'MB/s',
  async contenders(world) {
    const source = await world.source()
    const all = [...OUR_SOCKET_PEERS, ...OTHER_SOCKET_PEERS]
    const peers = world.options.quick ? all.filter(({ name }) => !/threads|default/.test(name)) : all
    const group = (name: string, nowhere: boolean): Contender[] =>
      peers.map(peer => ({ ...socketContender(world, peer, source, { nowhere }), group: name }))
    // a transfer to a file checks the peer; to nowhere it needs no second check
    const checked = group('to /dev/null', true).map(each => ({ ...each, check: async () => {} }))
    return [
      ...group('to a file', false),
      { ...disk(world, source), group: 'to a file' },
      ...(world.options.quick ? [] : checked)
    ]
  }
}
