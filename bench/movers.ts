import type { Command } from './children.ts'
import { freePort } from './peer-keys.ts'
import type { Job, Mover } from './transfers.ts'
import type { World } from './world.ts'

/** Two kinds of movers: a listening and a dialling side over a socket, and two commands joined by a pipe. */

export interface SocketJob extends Omit<Job, 'deadline'> {
  readonly port: number
}

export interface SocketMover extends Omit<Mover, 'prepare'> {
  /** How a listening side says on standard error that it is ready; group 1 is the port, where it chooses one itself. */
  readonly ready: RegExp
  /** A port is chosen for the listening side, which can not do so itself. */
  readonly givenPort?: boolean
  /** The listening side serves until it is stopped, and is the sender. */
  readonly serves?: boolean
  listener(world: World, job: SocketJob): Promise<Command>
  /** One command, or a pipeline. */
  dialler(world: World, job: SocketJob): Promise<Command | readonly Command[]>
}

/** The time is that of the dialling side and of what ends with it. */
export function socketMover(peer: SocketMover): Mover {
  const { ready, givenPort = false, serves = false, listener: listening, dialler, ...mover } = peer
  return {
    ...mover,
    async prepare(world, { source, target, deadline }) {
      const chosen = givenPort ? await freePort() : 0
      const listener = world.children.start(await listening(world, { source, target, port: chosen }), { deadline })
      const [, announced] = await listener.ready(ready)
      const commands = await dialler(world, {
        source,
        target,
        port: announced === undefined ? chosen : Number(announced)
      })
      const dial = () => world.children.run(commands, { deadline })
      if (serves) return { run: dial, close: () => listener.stop() }
      return { run: async () => [...(await dial()), ...(await listener.ended)] }
    }
  }
}

interface PipeMover extends Omit<Mover, 'prepare'> {
  /** The commands of a pipeline for a file; the last writes its standard output. */
  commands(world: World, path: string): Promise<readonly Command[]>
}

/** The time is that from the start of all programs to their end. */
export function pipeMover({ commands, ...mover }: PipeMover): Mover {
  return {
    ...mover,
    async prepare(world, { source, target, deadline }) {
      const line = await commands(world, source.path)
      const ending = line.map((command, index) =>
        index === line.length - 1 ? { ...command, stdout: target } : command
      )
      return { run: () => world.children.run(ending, { deadline }) }
    }
  }
}
