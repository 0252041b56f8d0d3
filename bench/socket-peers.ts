import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './children.ts'
import { type SocketJob, socketMover } from './movers.ts'
import { OUR_LINE } from './own-movers.ts'
import { nginxConfiguration, sshFiles, tlsKeys } from './peer-keys.ts'
import { type Mover, NOWHERE } from './transfers.ts'
import type { World } from './world.ts'

/** What a user would take over a socket instead of ours. Each is one object; the first that can run is the baseline. */

const SOCAT_LINE = /listening on .*:(\d+)/
/** What nginx says once its sockets listen. */
const NGINX_LINE = /using the "\w+" event method/
const SSHD_LINE = /Server listening on/
const MIB = '1048576'
export const AES_256 = ['-c', 'aes256-gcm@openssh.com']
const AES_128 = ['-c', 'aes128-gcm@openssh.com']

export const SOCAT = socketMover({
  name: 'socat OPENSSL, mutual TLS 1.3, 1 MiB',
  needs: ['socat', 'openssl'],
  baseline: true,
  synced: true,
  ready: SOCAT_LINE,
  async listener(world, { target }) {
    const { ca, server } = await tlsKeys(world)
    const options = `reuseaddr,bind=127.0.0.1,cert=${server.both},cafile=${ca},verify=1,openssl-min-proto-version=TLS1.3`
    return { argv: ['socat', '-d', '-d', '-u', '-b', MIB, `OPENSSL-LISTEN:0,${options}`, socatTarget(target)] }
  },
  async dialler(world, { source, port }) {
    const { ca, client } = await tlsKeys(world)
    const options = `cert=${client.both},cafile=${ca},openssl-commonname=localhost,openssl-min-proto-version=TLS1.3`
    return { argv: ['socat', '-u', '-b', MIB, `FILE:${source.path}`, `OPENSSL:127.0.0.1:${port},${options}`] }
  }
})

/** What serves the files of a directory to whoever shows a client certificate; it has no port of its own choice. */
const NGINX_SIDE = {
  needs: ['nginx', 'curl', 'openssl'],
  ready: NGINX_LINE,
  givenPort: true,
  serves: true,
  listener: async (world: World, { source, port }: SocketJob): Promise<Command> => ({
    argv: ['nginx', '-e', 'stderr', '-c', await nginxConfiguration(world, dirname(source.path), port)]
  })
}

/** curl with a client certificate. */
async function curl(world: World, ...args: readonly string[]): Promise<Command> {
  const { ca, client } = await tlsKeys(world)
  return { argv: ['curl', '-sSf', '--cacert', ca, '--cert', client.certificate, '--key', client.key, ...args] }
}

export const NGINX = socketMover({
  ...NGINX_SIDE,
  name: 'curl ← nginx, mutual TLS 1.3',
  synced: true,
  dialler: (world, { source, target, port }) => curl(world, '-o', target, `https://localhost:${port}/${source.name}`)
})

/** The same file so many times over one connection; curl writes the seconds that each took into the target. */
export function nginxRepeated(count: number): Mover {
  return socketMover({
    ...NGINX_SIDE,
    name: 'curl ← nginx, mutual TLS 1.3, keep-alive',
    async dialler(world, { source, target, port }) {
      const url = `https://localhost:${port}/${source.name}?[1-${count}]`
      return { ...(await curl(world, '-o', NOWHERE, '-w', '%{time_total}\\n', url)), stdout: target }
    }
  })
}

/** Programs over an sshd of our own. `dialler` is told the options that lead there. */
export function overSsh(
  name: string,
  program: string,
  dialler: (options: readonly string[], job: SocketJob) => readonly Command[] | Promise<readonly Command[]>,
  more: Partial<Mover> = {}
): Mover {
  return socketMover({
    ...more,
    name,
    needs: ['sshd', 'ssh', 'ssh-keygen', program],
    ready: SSHD_LINE,
    givenPort: true,
    serves: true,
    async listener(world, { port }) {
      const { serverConfig } = await sshFiles(world)
      return {
        argv: ['/usr/sbin/sshd', '-D', '-e', '-f', serverConfig, '-p', String(port), '-o', 'ListenAddress=127.0.0.1']
      }
    },
    async dialler(world, job) {
      const { clientConfig } = await sshFiles(world)
      return dialler(['-F', clientConfig, '-o', `Port=${job.port}`], job)
    }
  })
}

function scp(cipher: string, flags: readonly string[], more: Partial<Mover> = {}): Mover {
  const copy = (options: readonly string[], { source, target }: SocketJob) => [
    { argv: ['scp', '-q', ...options, ...flags, `bench:${source.path}`, target] }
  ]
  return overSsh(`scp, ${cipher}`, 'scp', copy, more)
}

export const SCP = scp('aes256-gcm', AES_256, { synced: true })

const rsync = overSsh(
  'rsync over ssh, aes256-gcm',
  'rsync',
  (options, { source, target }) => [
    { argv: ['rsync', '-a', '-e', ['ssh', ...options, ...AES_256].join(' '), `bench:${source.path}`, target] }
  ],
  // it writes under another name and renames: as root, in the place of the device
  { filesOnly: true }
)

const tar = overSsh('tar over ssh, aes256-gcm', 'tar', (options, { source, target }) => [
  { argv: ['ssh', ...options, ...AES_256, 'bench', `tar -cf - -C '${dirname(source.path)}' '${source.name}'`] },
  { argv: ['tar', '-xOf', '-'], stdout: target }
])

function node(name: string, secure: boolean): Mover {
  const credentials = async (world: World, side: 'server' | 'client'): Promise<string[]> => {
    if (!secure) return []
    const keys = await tlsKeys(world)
    return [keys.ca, keys[side].certificate, keys[side].key]
  }
  const program = fileURLToPath(new URL('./node-peer.ts', import.meta.url))
  const run = (...args: string[]): Command => ({ argv: [process.execPath, program, ...args] })
  return socketMover({
    name,
    needs: secure ? ['openssl'] : [],
    baseline: secure,
    ready: OUR_LINE,
    listener: async (world, { target }) => run('recv', target, ...(await credentials(world, 'server'))),
    dialler: async (world, { source, port }) =>
      run('send', String(port), source.path, ...(await credentials(world, 'client')))
  })
}

const socatTcp = socketMover({
  name: 'socat TCP, 1 MiB, no security (the limit)',
  needs: ['socat'],
  ready: SOCAT_LINE,
  listener: async (_, { target }) => ({
    argv: ['socat', '-d', '-d', '-u', '-b', MIB, 'TCP-LISTEN:0,reuseaddr,bind=127.0.0.1', socatTarget(target)]
  }),
  dialler: async (_, { source, port }) => ({
    argv: ['socat', '-u', '-b', MIB, `FILE:${source.path}`, `TCP:127.0.0.1:${port}`]
  })
})

function socatTarget(target: string): string {
  return target === NOWHERE ? `GOPEN:${target}` : `CREATE:${target}`
}

export const OTHER_SOCKET_MOVERS: readonly Mover[] = [
  SOCAT,
  NGINX,
  SCP,
  scp('aes128-gcm', AES_128),
  scp('default cipher', []),
  rsync,
  tar,
  node('node:tls pipeline, mutual TLS 1.3, 1 MiB', true),
  node('node:net pipeline, 1 MiB, no security', false),
  socatTcp
]
