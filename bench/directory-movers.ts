import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from './children.ts'
import { socketMover } from './movers.ts'
import { OUR_LINE, serving, sft } from './own-movers.ts'
import { ageKey } from './peer-keys.ts'
import { AES_256, overSsh } from './socket-peers.ts'
import type { Job, Mover } from './transfers.ts'
import { NAME, type World } from './world.ts'

/** What moves a directory: ours, and what a user would take instead. The target is not there before, or empty. */

const push = socketMover({
  name: 'sft send -r → recv',
  ready: OUR_LINE,
  listener: (world, { target }) => sft(world, 'recv', '--listen', '127.0.0.1:0', '-o', target),
  dialler: (world, { source, port }) => sft(world, 'send', '-r', source.path, `${NAME}@127.0.0.1:${port}`)
})

const pull = socketMover({
  name: 'sft get -r ← serve',
  ready: OUR_LINE,
  serves: true,
  listener: (world, { source }) => serving(world, dirname(source.path)),
  dialler: (world, { source, target, port }) =>
    sft(world, 'get', '-r', `${NAME}@127.0.0.1:${port}`, source.name, '-o', target)
})

/** A pipeline, of which the last command makes the directory or fills it. */
function piped(
  mover: Omit<Mover, 'prepare'>,
  commands: (world: World, job: Job) => Promise<readonly Command[]>
): Mover {
  return {
    ...mover,
    async prepare(world, job) {
      const line = await commands(world, job)
      return { run: () => world.children.run(line, { deadline: job.deadline }) }
    }
  }
}

const pipe = piped({ name: 'sft send -r | sft recv' }, async (world, { source, target }) => [
  await sft(world, 'send', '-r', source.path),
  await sft(world, 'recv', '-o', target)
])

function pack(path: string): Command {
  return { argv: ['tar', '-cf', '-', '-C', path, '.'] }
}

async function unpack(target: string): Promise<Command> {
  await mkdir(target)
  return { argv: ['tar', '-xf', '-', '-C', target] }
}

const tar = overSsh(
  'tar over ssh, aes256-gcm',
  'tar',
  async (options, { source, target }) => [
    { argv: ['ssh', ...options, ...AES_256, 'bench', pack(`'${source.path}'`).argv.join(' ')] },
    await unpack(target)
  ],
  { baseline: true, synced: true }
)

const rsync = overSsh(
  'rsync -a over ssh, aes256-gcm',
  'rsync',
  (options, { source, target }) => [
    { argv: ['rsync', '-a', '-e', ['ssh', ...options, ...AES_256].join(' '), `bench:${source.path}/`, target] }
  ],
  { synced: true }
)

const scp = overSsh(
  'scp -rp, aes256-gcm',
  'scp',
  (options, { source, target }) => [
    { argv: ['scp', '-q', '-r', '-p', ...options, ...AES_256, `bench:${source.path}`, target] }
  ],
  { synced: true }
)

const age = piped(
  { name: 'tar | age | age -d | tar', needs: ['age', 'age-keygen', 'tar'], synced: true },
  async (world, { source, target }) => {
    const { identity, recipient } = await ageKey(world)
    const sealing = [{ argv: ['age', '-r', recipient] }, { argv: ['age', '-d', '-i', identity] }]
    return [pack(source.path), ...sealing, await unpack(target)]
  }
)

const plain = piped(
  { name: 'tar | tar, no security (the limit)', needs: ['tar'], synced: true },
  async (_, { source, target }) => [pack(source.path), await unpack(target)]
)

export const OUR_DIRECTORY_MOVERS: readonly Mover[] = [push, pull, pipe]
export const OTHER_DIRECTORY_MOVERS: readonly Mover[] = [tar, rsync, scp, age, plain]
