import { readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from './children.ts'
import type { Case, Contender } from './measure.ts'
import { type SocketJob, type SocketMover, socketMover } from './movers.ts'
import { OUR_LINE, sft } from './own-movers.ts'
import { nginxConfiguration, sshFiles, tlsKeys } from './peer-keys.ts'
import { type Mover, transferContender } from './transfers.ts'
import { makeWire, type Side, type Wire, wireMissing } from './wire.ts'
import { NAME, type World } from './world.ts'

/** A file over a long fat network: 40 ms of round trip, where the window of one TCP connection is the limit (SPEC §8.1). */

const ONE_WAY_US = 20_000
const STREAMS = [1, 2, 4, 8]
const MIB = '1048576'
const FAR = '40 ms round trip, to /dev/null'
const NEAR = 'the same wire without delay: what it carries'

type Make = (world: World, job: SocketJob, wire: Wire) => Promise<Command>

/** A peer whose sides stand at the ends of the wire. */
function overWire(
  peer: Omit<SocketMover, 'listener' | 'dialler'>,
  delay: number,
  listener: Make,
  dialler: Make
): Mover {
  const at =
    (side: Side, make: Make): SocketMover['listener'] =>
    async (world, job) => {
      const wire = await makeWire(world, delay)
      return wire.at(side, await make(world, job, wire))
    }
  return socketMover({ ...peer, listener: at('server', listener), dialler: at('client', dialler) })
}

function pull(streams: number, delay: number): Mover {
  return overWire(
    { name: `sft get ← serve, --streams ${streams}`, ready: OUR_LINE, serves: true },
    delay,
    (world, { source }, { address }) => sft(world, 'serve', dirname(source.path), '--listen', `${address}:0`),
    (world, { source, target, port }, { address }) =>
      sft(world, 'get', `${NAME}@${address}:${port}`, source.name, '-o', target, '--streams', String(streams))
  )
}

function push(streams: number, delay: number): Mover {
  return overWire(
    { name: `sft send → recv, --streams ${streams}`, ready: OUR_LINE },
    delay,
    (world, { target }, { address }) => sft(world, 'recv', '--listen', `${address}:0`, '-o', target),
    (world, { source, port }, { address }) =>
      sft(world, 'send', source.path, `${NAME}@${address}:${port}`, '--streams', String(streams))
  )
}

const scp = overWire(
  {
    name: 'scp, aes256-gcm',
    needs: ['sshd', 'scp', 'ssh-keygen'],
    ready: /Server listening on/,
    givenPort: true,
    serves: true
  },
  ONE_WAY_US,
  async (world, { port }, { address }) => {
    const { serverConfig } = await sshFiles(world)
    const listen = ['-p', String(port), '-o', `ListenAddress=${address}`]
    return { argv: ['/usr/sbin/sshd', '-D', '-e', '-f', serverConfig, ...listen] }
  },
  async (world, { source, target, port }, { address }) => {
    const { clientConfig } = await sshFiles(world)
    const options = ['-o', `HostName=${address}`, '-P', String(port), '-c', 'aes256-gcm@openssh.com']
    return { argv: ['scp', '-q', ...options, '-F', clientConfig, `bench:${source.path}`, target] }
  }
)

const nginx = overWire(
  {
    name: 'curl ← nginx, mutual TLS 1.3',
    needs: ['nginx', 'curl', 'openssl'],
    baseline: true,
    ready: /using the "\w+" event method/,
    givenPort: true,
    serves: true
  },
  ONE_WAY_US,
  async (world, { source, port }, { address }) => {
    const path = await nginxConfiguration(world, dirname(source.path), port)
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll(`127.0.0.1:${port}`, `${address}:${port}`))
    return { argv: ['nginx', '-e', 'stderr', '-c', path] }
  },
  async (world, { source, target, port }, { address }) => {
    const { ca, client } = await tlsKeys(world)
    const trust = ['--cacert', ca, '--cert', client.certificate, '--key', client.key]
    // the certificate is for localhost, and the wire ends elsewhere
    const there = ['--connect-to', `localhost:${port}:${address}:${port}`]
    return { argv: ['curl', '-sSf', ...trust, ...there, '-o', target, `https://localhost:${port}/${source.name}`] }
  }
)

function socat(delay: number): Mover {
  return overWire(
    { name: 'socat TCP, 1 MiB, no security', needs: ['socat'], givenPort: true, ready: /listening on/ },
    delay,
    async (_, { target, port }, { address }) => ({
      argv: [
        'socat',
        '-d',
        '-d',
        '-u',
        '-b',
        MIB,
        `TCP-LISTEN:${port},reuseaddr,bind=${address}`,
        `OPEN:${target},creat`
      ]
    }),
    async (_, { source, port }, { address }) => ({
      argv: ['socat', '-u', '-b', MIB, `FILE:${source.path}`, `TCP:${address}:${port}`]
    })
  )
}

/** To nowhere when it is timed, by a copy when it is checked. */
async function contenders(world: World, movers: readonly Mover[], group: string): Promise<Contender[]> {
  const source = await world.source()
  const reason = wireMissing()
  return movers.map(mover => {
    const contender = transferContender(world, mover, source, { nowhere: true })
    return { ...contender, group, missing: reason ?? contender.missing }
  })
}

export const delay: Case = {
  name: 'delay',
  title: 'A file over a long fat network',
  unit: 'MB/s',
  async contenders(world) {
    const { quick } = world.options
    const streams = quick ? [1, 4] : STREAMS
    const far = [...streams.map(n => pull(n, ONE_WAY_US)), ...streams.map(n => push(n, ONE_WAY_US))]
    const near = [socat(0), pull(1, 0), pull(8, 0)]
    return [
      ...(await contenders(world, [...far, scp, nginx, socat(ONE_WAY_US)], FAR)),
      ...(quick ? [] : await contenders(world, near, NEAR))
    ]
  }
}
