import { freemem } from 'node:os'
import { pipeMover } from './movers.ts'
import { ageKey, cmsKey, gpgHome, passwordFile } from './peer-keys.ts'
import type { Mover } from './transfers.ts'

/** What a user would take for `encrypt | decrypt` instead of ours. Each is one object; the first that can run is the baseline. */

export const AGE = pipeMover({
  name: 'age | age -d',
  needs: ['age', 'age-keygen'],
  baseline: true,
  synced: true,
  async commands(world, stdin) {
    const { identity, recipient } = await ageKey(world)
    return [{ argv: ['age', '-r', recipient], stdin }, { argv: ['age', '-d', '-i', identity] }]
  }
})

function opensslEnc(cipher: string, baseline: boolean): Mover {
  return pipeMover({
    name: `openssl enc -${cipher} (unauthenticated)`,
    needs: ['openssl'],
    baseline,
    async commands(world, stdin) {
      const enc = ['openssl', 'enc', `-${cipher}`, '-pbkdf2', '-pass', `file:${await passwordFile(world)}`]
      return [{ argv: enc, stdin }, { argv: [...enc, '-d'] }]
    }
  })
}

/** Its decrypting side holds everything before it gives anything, and more than once. */
const CMS_MEMORY = 4

const cms = pipeMover({
  name: 'openssl cms -stream -aes-256-gcm, RSA-3072',
  needs: ['openssl'],
  unable: bytes => (freemem() < bytes * CMS_MEMORY ? 'no memory for it' : undefined),
  async commands(world, stdin) {
    const { certificate, key } = await cmsKey(world)
    const cms = ['openssl', 'cms', '-binary']
    return [
      { argv: [...cms, '-encrypt', '-stream', '-aes-256-gcm', '-outform', 'DER', certificate], stdin },
      { argv: [...cms, '-decrypt', '-inform', 'DER', '-recip', certificate, '-inkey', key] }
    ]
  }
})

const gpg = pipeMover({
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
})

const cat = pipeMover({
  name: 'cat | cat, no security (the limit)',
  needs: ['cat'],
  commands: async (_, stdin) => [{ argv: ['cat'], stdin }, { argv: ['cat'] }]
})

export const OTHER_PIPE_MOVERS: readonly Mover[] = [
  AGE,
  opensslEnc('chacha20', true),
  opensslEnc('aes-256-ctr', false),
  cms,
  gpg,
  cat
]
