import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './children.ts'
import { missing, type World } from './world.ts'

/**
 * Two network namespaces with a wire of a given delay between them (`delay-line.c`): a long fat network on one machine, below TCP. Their names have the id of this
 * process. Namespaces go with the run, devices with the process that holds them.
 */

export type Side = 'server' | 'client'

export interface Wire {
  /** Address of the serving side. */
  readonly address: string
  /** The same command on one of the sides. */
  at(side: Side, command: Command): Command
}

const SIDES: readonly Side[] = ['server', 'client']
const ADDRESSES: Readonly<Record<Side, string>> = { server: '10.213.7.1', client: '10.213.7.2' }
/** The defaults of Linux, whatever this machine was tuned to: the window of one connection comes of them. */
const TCP_SETTINGS: readonly string[] = [
  'net.ipv4.tcp_rmem=4096 131072 6291456',
  'net.ipv4.tcp_wmem=4096 16384 4194304',
  // what one transfer learnt of the path is not to help the next
  'net.ipv4.tcp_no_metrics_save=1'
]
/** Packets that may wait for the wire; each is up to 64 KiB. */
const QUEUE = '20000'
const LINE_DEADLINE_MS = 4 * 3_600_000
/** Of one shuffle of namespaces after another in this process. */
let wires = 0

/** Why there can be no wire here; `undefined` when there can. */
export function wireMissing(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root'
  return missing('ip', 'tc', 'sysctl', 'cc')
}

/**
 * Makes a wire, once a run for each delay.
 *
 * @param delay one way, in microseconds
 */
export function makeWire(world: World, delay: number): Promise<Wire> {
  return world.once(`wire ${delay}`, async () => {
    const program = await world.once('delay-line', () => compile(world))
    const tag = `${process.pid}-${wires++}`
    const names: Readonly<Record<Side, string>> = { server: `sftbs${tag}`, client: `sftbc${tag}` }
    // a wire does not wait for the processors that everything else here shares
    const argv = ['nice', '-n', '-20', program, names.server, names.client, String(delay)]
    const line = world.children.start({ argv }, { deadline: LINE_DEADLINE_MS })
    // not as children of the run: those are not started any more once it is interrupted
    world.defer(async () => {
      for (const side of SIDES) spawnSync('ip', ['netns', 'delete', names[side]], { stdio: 'ignore' })
      await line.stop()
    })
    await line.ready(/ready/)
    for (const side of SIDES) await configure(world, names[side], side)
    return { address: ADDRESSES.server, at: (side, command) => inside(names[side], command) }
  })
}

async function compile(world: World): Promise<string> {
  const program = join(await world.place('wire'), 'delay-line')
  const source = fileURLToPath(new URL('./delay-line.c', import.meta.url))
  await world.children.run({ argv: ['cc', '-O2', '-Wall', '-o', program, source] })
  return program
}

/** A namespace with the device of the same name in it. */
async function configure(world: World, name: string, side: Side): Promise<void> {
  const run = (...argv: string[]) => world.children.run({ argv })
  await run('ip', 'netns', 'add', name)
  await run('ip', 'link', 'set', name, 'netns', name)
  const there = (...argv: string[]) => world.children.run(inside(name, { argv }))
  const peer = ADDRESSES[side === 'server' ? 'client' : 'server']
  await there('sysctl', '-q', '-w', ...TCP_SETTINGS)
  await there('ip', 'address', 'add', ADDRESSES[side], 'peer', peer, 'dev', name)
  await there('ip', 'link', 'set', name, 'txqueuelen', QUEUE, 'up')
  // the wire is what holds packets: a queue that drops by the age of a packet would punish the processes of this machine for each other
  await there('tc', 'qdisc', 'replace', 'dev', name, 'root', 'pfifo', 'limit', QUEUE)
  // by the route: the setting of the namespace takes only what the host allows, which may be another default
  await there('ip', 'route', 'replace', peer, 'dev', name, 'congctl', 'cubic')
  await there('ip', 'link', 'set', 'lo', 'up')
}

function inside(namespace: string, command: Command): Command {
  return { ...command, argv: ['ip', 'netns', 'exec', namespace, ...command.argv] }
}
