import type { Command } from './children.ts'
import { ageKey, gpgHome, passwordFile } from './peer-keys.ts'
import { sft } from './socket-peers.ts'
import type { World } from './world.ts'

/** `X encrypt | X decrypt`: ours, and what a user would take instead. Each is one object; the first that can run is the baseline. */

export interface PipePeer {
  readonly name: string
  /** Programs that must be installed; none are named for ours. */
  readonly needs?: readonly string[]
  readonly baseline?: boolean
  /** The two commands for a file; the second writes its standard output. */
  commands(world: World, path: string): Promise<readonly [Command, Command]>
}

/** A file by its name is a regular file to us; standard input is a stream of unknown size, whatever it comes from. */
function ours(flags: readonly string[], options: { byName: boolean } = { byName: true }): PipePeer {
  const { byName } = options
  return {
    name: ['sft send', byName ? 'FILE' : '< FILE', '| sft recv', ...flags].join(' '),
    async commands(world, path) {
      const send = byName
        ? await sft(world, 'send', path, ...flags)
        : { ...(await sft(world, 'send', ...flags)), stdin: path }
      return [send, await sft(world, 'recv', ...flags)]
    }
  }
}

export const OURS = ours([])

export const AGE: PipePeer = {
  name: 'age | age -d',
  needs: ['age', 'age-keygen'],
  baseline: true,
  async commands(world, stdin) {
    const { identity, recipient } = await ageKey(world)
    return [{ argv: ['age', '-r', recipient], stdin }, { argv: ['age', '-d', '-i', identity] }]
  }
}

function opensslEnc(cipher: string, baseline: boolean): PipePeer {
  return {
    name: `openssl enc -${cipher} (unauthenticated)`,
    needs: ['openssl'],
    baseline,
    async commands(world, stdin) {
      const enc = ['openssl', 'enc', `-${cipher}`, '-pbkdf2', '-pass', `file:${await passwordFile(world)}`]
      return [{ argv: enc, stdin }, { argv: [...enc, '-d'] }]
    }
  }
}

const gpg: PipePeer = {
  name: 'gpg, RSA-3072, no compression',
  needs: ['gpg', 'gpgconf'],
  async commands(world, stdin) {
    const env = await gpgHome(world)
    const quiet = ['gpg', '--batch', '--quiet', '--trust-model', 'always']
    return [
      { argv: [...quiet, '--compress-algo', 'none', '-r', 'bench', '--encrypt'], env, stdin },
      { argv: [...quiet, '-d'], env }
    ]
  }
}

const cat: PipePeer = {
  name: 'cat | cat, no security (the limit)',
  needs: ['cat'],
  commands: async (_, stdin) => [{ argv: ['cat'], stdin }, { argv: ['cat'] }]
}

export const PIPE_PEERS: readonly PipePeer[] = [
  OURS,
  ours([], { byName: false }),
  ours(['--threads', '0']),
  ours(['--threads', '1']),
  ours(['--threads', '2']),
  AGE,
  opensslEnc('chacha20', true),
  opensslEnc('aes-256-ctr', false),
  gpg,
  cat
]
