import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './children.ts'
import { freePort, nginxConfiguration, sshFiles, tlsKeys } from './peer-keys.ts'
import { NAME, type SourceFile, type World } from './world.ts'

/** Who moves a file over a socket: ours, and what a user would take instead. Each is one object; the first that can run is the baseline. */

export interface SocketPeer {
  readonly name: string
  /** Programs that must be installed; none are named for ours. */
  readonly needs?: readonly string[]
  readonly baseline?: boolean
  /** It encrypts and authenticates both sides. */
  readonly secure: boolean
  /** How a listening side says on standard error that it is ready; group 1 is the port, where it chooses one itself. */
  readonly ready: RegExp
  /** The listening side serves until it is stopped, and is the sender. */
  readonly serves?: boolean
  listener(world: World, job: Job): Promise<Command>
  dialler(world: World, job: Job): Promise<Command>
}

export interface Job {
  readonly source: SourceFile
  readonly target: string
  readonly port: number
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const SFT = path('../src/bin/sft.js')
const OUR_LINE = /listening on \S+:(\d+)/
const SOCAT_LINE = /listening on .*:(\d+)/
const MIB = '1048576'
/** Where a transfer goes that is to touch no disk. */
export const NOWHERE = '/dev/null'

/** Our command with the identity of the run. */
export async function sft(world: World, ...args: readonly string[]): Promise<Command> {
  return { argv: [process.execPath, SFT, ...args], env: await world.identity() }
}

function push(flags: readonly string[]): SocketPeer {
  return {
    name: ['sft send → recv', ...flags].join(' '),
    secure: true,
    ready: OUR_LINE,
    listener: (world, { target }) => sft(world, 'recv', '--listen', '127.0.0.1:0', '-o', target, ...flags),
    dialler: (world, { source, port }) => sft(world, 'send', source.path, `${NAME}@127.0.0.1:${port}`, ...flags)
  }
}

function pull(flags: readonly string[]): SocketPeer {
  return {
    name: ['sft get ← serve', ...flags].join(' '),
    secure: true,
    ready: OUR_LINE,
    serves: true,
    listener: (world, { source }) => sft(world, 'serve', dirname(source.path), '--listen', '127.0.0.1:0', ...flags),
    dialler: (world, { source, target, port }) =>
      sft(world, 'get', `${NAME}@127.0.0.1:${port}`, source.name, '-o', target, ...flags)
  }
}

const library: SocketPeer = {
  name: 'sft library, engine.send → receiveOne',
  secure: true,
  ready: OUR_LINE,
  listener: async (world, { target }) => ({
    argv: [process.execPath, path('./engine-peer.ts'), 'recv', target],
    env: await world.identity()
  }),
  dialler: async (world, { source, port }) => ({
    argv: [process.execPath, path('./engine-peer.ts'), 'send', String(port), source.path],
    env: await world.identity()
  })
}

const socatTls: SocketPeer = {
  name: 'socat OPENSSL, mutual TLS 1.3, 1 MiB',
  needs: ['socat', 'openssl'],
  baseline: true,
  secure: true,
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
}

const nginx: SocketPeer = {
  name: 'curl ← nginx, mutual TLS 1.3',
  needs: ['nginx', 'curl', 'openssl'],
  secure: true,
  // what it says once its sockets listen
  ready: /using the "\w+" event method/,
  serves: true,
  listener: async (world, { source, port }) => ({
    argv: ['nginx', '-e', 'stderr', '-c', await nginxConfiguration(world, dirname(source.path), port)]
  }),
  async dialler(world, { source, target, port }) {
    const { ca, client } = await tlsKeys(world)
    const trust = ['--cacert', ca, '--cert', client.certificate, '--key', client.key]
    return { argv: ['curl', '-sSf', ...trust, '-o', target, `https://localhost:${port}/${source.name}`] }
  }
}

function scp(name: string, flags: readonly string[]): SocketPeer {
  return {
    name,
    needs: ['sshd', 'scp', 'ssh-keygen'],
    secure: true,
    ready: /Server listening on/,
    serves: true,
    async listener(world, { port }) {
      const { serverConfig } = await sshFiles(world)
      return {
        argv: ['/usr/sbin/sshd', '-D', '-e', '-f', serverConfig, '-p', String(port), '-o', 'ListenAddress=127.0.0.1']
      }
    },
    async dialler(world, { source, target, port }) {
      const { clientConfig } = await sshFiles(world)
      return { argv: ['scp', '-q', '-F', clientConfig, '-P', String(port), ...flags, `bench:${source.path}`, target] }
    }
  }
}

function node(name: string, secure: boolean): SocketPeer {
  const credentials = async (world: World, side: 'server' | 'client'): Promise<string[]> => {
    if (!secure) return []
    const keys = await tlsKeys(world)
    return [keys.ca, keys[side].certificate, keys[side].key]
  }
  const run = (...args: string[]): Command => ({ argv: [process.execPath, path('./node-peer.ts'), ...args] })
  return {
    name,
    needs: secure ? ['openssl'] : [],
    baseline: secure,
    secure,
    ready: OUR_LINE,
    listener: async (world, { target }) => run('recv', target, ...(await credentials(world, 'server'))),
    dialler: async (world, { source, port }) =>
      run('send', String(port), source.path, ...(await credentials(world, 'client')))
  }
}

const socatTcp: SocketPeer = {
  name: 'socat TCP, 1 MiB, no security (the limit)',
  needs: ['socat'],
  secure: false,
  ready: SOCAT_LINE,
  listener: async (_, { target }) => ({
    argv: ['socat', '-d', '-d', '-u', '-b', MIB, 'TCP-LISTEN:0,reuseaddr,bind=127.0.0.1', socatTarget(target)]
  }),
  dialler: async (_, { source, port }) => ({
    argv: ['socat', '-u', '-b', MIB, `FILE:${source.path}`, `TCP:127.0.0.1:${port}`]
  })
}

function socatTarget(target: string): string {
  return target === NOWHERE ? `GOPEN:${target}` : `CREATE:${target}`
}

/** Whether the port has to be chosen for the listening side. */
export async function portFor({ ready }: SocketPeer): Promise<number> {
  return ready === OUR_LINE || ready === SOCAT_LINE ? 0 : freePort()
}

export const OUR_SOCKET_PEERS: readonly SocketPeer[] = [
  push([]),
  pull([]),
  push(['--threads', '0']),
  pull(['--threads', '0']),
  library
]
export const SCP = scp('scp, aes256-gcm', ['-c', 'aes256-gcm@openssh.com'])
export const NGINX = nginx
export const OTHER_SOCKET_PEERS: readonly SocketPeer[] = [
  socatTls,
  nginx,
  SCP,
  scp('scp, default cipher', []),
  node('node:tls pipeline, mutual TLS 1.3, 1 MiB', true),
  node('node:net pipeline, 1 MiB, no security', false),
  socatTcp
]
