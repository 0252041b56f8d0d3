import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './children.ts'
import { pipeMover, socketMover } from './movers.ts'
import { packagedCommand } from './package.ts'
import type { Mover } from './transfers.ts'
import { NAME, type World } from './world.ts'

/** Ours as contenders: the command over a socket and through a pipe, and the library over a socket. */

/** How a listening side of ours, or of `node-peer.ts`, says where it is. */
export const OUR_LINE = /listening on \S+:(\d+)/

/** Our command as the package brings it, with the identity of the run, and with `--stats` if it knows that. */
export async function sft(world: World, command: string, ...args: readonly string[]): Promise<Command> {
  const flags = await statsFlag(world, command)
  return {
    argv: [process.execPath, await packagedCommand(world), command, ...flags, ...args],
    env: await world.identity()
  }
}

function statsFlag(world: World, command: string): Promise<readonly string[]> {
  return world.once(`flags of ${command}`, async () => {
    const stdout = world.target()
    const argv = [process.execPath, await packagedCommand(world), command, '--help']
    await world.children.run({ argv, stdout })
    const help = await readFile(stdout, 'utf8')
    await world.discard(stdout)
    return help.includes('--stats') ? ['--stats'] : []
  })
}

/** What is done to each command, such as giving it a processor. */
export type Dressing = (command: Command) => Command

interface Options {
  readonly dressing?: Dressing
}

const asItIs: Dressing = command => command

export function push(flags: readonly string[] = []): Mover {
  return socketMover({
    name: ['sft send → recv', ...flags].join(' '),
    ready: OUR_LINE,
    listener: (world, { target }) => sft(world, 'recv', '--listen', '127.0.0.1:0', '-o', target, ...flags),
    dialler: (world, { source, port }) => sft(world, 'send', source.path, `${NAME}@127.0.0.1:${port}`, ...flags)
  })
}

/** What serves the files of a directory until it is stopped. */
export function serving(world: World, directory: string, flags: readonly string[] = []): Promise<Command> {
  return sft(world, 'serve', directory, '--listen', '127.0.0.1:0', ...flags)
}

export function pull(flags: readonly string[] = [], { dressing = asItIs }: Options = {}): Mover {
  return socketMover({
    name: ['sft get ← serve', ...flags].join(' '),
    ready: OUR_LINE,
    serves: true,
    listener: async (world, { source }) => dressing(await serving(world, dirname(source.path), flags)),
    dialler: async (world, { source, target, port }) =>
      dressing(await sft(world, 'get', `${NAME}@127.0.0.1:${port}`, source.name, '-o', target, ...flags))
  })
}

/** A program of the benches itself, with the identity of the run. */
export async function ownProgram(world: World, file: string, ...args: readonly string[]): Promise<Command> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  return { argv: [process.execPath, path, ...args], env: await world.identity() }
}

const library = socketMover({
  name: 'sft library, engine.send → receiveOne',
  ready: OUR_LINE,
  listener: (world, { target }) => ownProgram(world, './engine-peer.ts', 'recv', target),
  dialler: (world, { source, port }) => ownProgram(world, './engine-peer.ts', 'send', String(port), source.path)
})

export const OUR_SOCKET_MOVERS: readonly Mover[] = [
  push(),
  pull(),
  push(['--threads', '0']),
  pull(['--threads', '0']),
  library
]

/** How `sft send` gets a file: by its name, which is a regular file to it; as standard input; or from a program before it, such as `tar`. */
type Way = 'FILE' | '< FILE' | 'cat FILE |'

/** What is not a file by its name is a stream of unknown size to us. */
export function piped(flags: readonly string[] = [], options: Options & { way?: Way } = {}): Mover {
  const { way = 'FILE', dressing = asItIs } = options
  return pipeMover({
    name: [...(way === 'cat FILE |' ? [way, 'sft send'] : ['sft send', way]), '| sft recv', ...flags].join(' '),
    async commands(world, path) {
      const receiver = dressing(await sft(world, 'recv', ...flags))
      if (way === 'FILE') return [dressing(await sft(world, 'send', path, ...flags)), receiver]
      const sender = dressing(await sft(world, 'send', ...flags))
      return way === '< FILE' ? [{ ...sender, stdin: path }, receiver] : [{ argv: ['cat', path] }, sender, receiver]
    }
  })
}

export const OUR_PIPE_MOVERS: readonly Mover[] = [
  piped(),
  piped([], { way: '< FILE' }),
  piped([], { way: 'cat FILE |' }),
  piped(['--threads', '0']),
  piped(['--threads', '1']),
  piped(['--threads', '2'])
]
