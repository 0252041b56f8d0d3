import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateRsaKey, storePrivateKey } from '../src/auth/certificates/keys.ts'
import { type ClassicIdentity, keepClassicCertificate } from '../src/auth/classic/identity.ts'
import { createClassicRoot, issueClassicLeaf } from '../src/auth/classic/issuance.ts'
import type { Command } from './children.ts'
import type { Case } from './measure.ts'
import { socketMover } from './movers.ts'
import { OUR_LINE } from './own-movers.ts'
import { packagedCommand } from './package.ts'
import { type Mover, transferContender } from './transfers.ts'
import type { World } from './world.ts'

/** A file over the classic wire, in the four pairings of our command and the test double that stands for the classic system (SPEC §14). */

const KIB = 1024
const PYTHON = '/usr/bin/python3'
const DOUBLE = fileURLToPath(new URL('../test/fixtures/classic_peer.py', import.meta.url))
const hasDouble = spawnSync(PYTHON, ['-c', 'import cryptography']).status === 0
const SIDES = ['server', 'requester'] as const
type Side = (typeof SIDES)[number]

interface System {
  /** State directory of our command, of each side. */
  readonly state: Readonly<Record<Side, string>>
  /** Where the double finds key, certificate and root, of each side. */
  readonly double: Readonly<Record<Side, string>>
}

/** A classic system of two, once a run. */
function system(world: World): Promise<System> {
  return world.once('classic', async () => {
    const place = await world.place('classic')
    const key = await generateRsaKey(2048)
    const root = { certificate: createClassicRoot(key), privateKey: key.privateKey }
    for (const side of SIDES) {
      const own = await generateRsaKey(2048)
      const certificate = issueClassicLeaf(root, { alias: side, publicKey: own.publicKey })
      const pem = Buffer.from(certificate.toString())
      await keep(join(place, side), { alias: side, root: root.certificate, certificate, pem, ...own })
    }
    const of = (name: string) => ({ server: join(place, 'server', name), requester: join(place, 'requester', name) })
    return { state: of('state'), double: of('double') }
  })
}

async function keep(place: string, identity: ClassicIdentity): Promise<void> {
  const [clients, double] = [join(place, 'state', 'clients'), join(place, 'double')]
  const key = storePrivateKey(identity.privateKey, undefined)
  await mkdir(join(clients, identity.alias), { recursive: true })
  await writeFile(join(clients, identity.alias, 'key.pem'), key, { mode: 0o600 })
  await keepClassicCertificate(clients, identity)
  await mkdir(double)
  await writeFile(join(double, 'key.pem'), key, { mode: 0o600 })
  await writeFile(join(double, 'cert.pem'), identity.pem)
  await writeFile(join(double, 'root.crt'), identity.root.toString())
}

async function ours(world: World, side: Side, ...args: readonly string[]): Promise<Command> {
  const { state } = await system(world)
  const argv = [process.execPath, await packagedCommand(world), 'classic', ...args, '--state', state[side]]
  return { argv, env: await world.identity() }
}

/** Where its files are is where it runs, and it says on standard output where it listens. */
async function theirs(
  world: World,
  side: Side,
  directory: string,
  script: string,
  ...args: string[]
): Promise<Command> {
  const { double } = await system(world)
  const line = `cd "$1" && shift && ${script}`
  return {
    argv: ['sh', '-c', line, 'sh', directory, PYTHON, DOUBLE, join(double[side], 'root.crt'), double[side], ...args]
  }
}

function pairing(server: 'ours' | 'theirs', requester: 'ours' | 'theirs', flags: readonly string[] = []): Mover {
  const words = { ours: 'sft', theirs: 'the double' }
  return socketMover({
    name: [words[requester], '←', words[server], ...flags].join(' '),
    baseline: server === 'theirs' && requester === 'theirs',
    filesOnly: true,
    ready: OUR_LINE,
    serves: true,
    unable: () => ([server, requester].includes('theirs') && !hasDouble ? 'not installed' : undefined),
    listener: (world, { source }) =>
      server === 'ours'
        ? ours(world, 'server', 'serve', dirname(source.path), '--port', '0', ...flags)
        : theirs(world, 'server', dirname(source.path), 'exec "$1" "$2" serve "$3" "$4" 0 >&2'),
    dialler: async (world, { source, target, port }) => {
      const expect = ['--expect-size', String(source.bytes)]
      if (requester === 'ours')
        return ours(world, 'requester', 'get', `127.0.0.1:${port}`, source.name, '-o', target, ...expect, ...flags)
      const place = await world.place(`got-${port}`)
      const script = '"$1" "$2" get "$3" "$4" "$5" "$6" && mv "received_$6" "$7"'
      return theirs(world, 'requester', place, script, String(port), source.name, target)
    }
  })
}

export const classic: Case = {
  name: 'classic',
  title: 'A file over the classic wire, RSA-2048 and 100 bytes a block',
  unit: 'MB/s',
  async contenders(world) {
    const source = await world.source(world.options.quick ? 32 * KIB : 1024 * KIB)
    const movers = [
      pairing('ours', 'ours'),
      pairing('ours', 'ours', ['--threads', '0']),
      pairing('theirs', 'ours'),
      pairing('ours', 'theirs'),
      pairing('theirs', 'theirs')
    ]
    return movers.map(mover => transferContender(world, mover, source))
  }
}
