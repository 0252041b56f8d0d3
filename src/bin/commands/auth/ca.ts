import type { Command } from 'commander'
import { type PassphraseOptions, passphraseSource, withPassphrase } from '../../options.ts'
import { type DoneFlags, sayDone, withAuthority, withJson } from './store.ts'

interface RotateFlags extends PassphraseOptions, DoneFlags {
  rootKey?: string
  revoke?: boolean
}

/** `sft auth ca …`: the root, and the CA below it that issues. */
export function registerCa(auth: Command): void {
  const ca = auth.command('ca').description('the root, and the CA below it that certifies users')
  withJson(withPassphrase(withAuthority(ca.command('rotate'))))
    .description(
      'make a new issuing CA; a server that runs takes it over, and certificates of the one before stay good'
    )
    .option('--root-key <file>', "the root's key, when it is kept elsewhere")
    .option('--revoke', 'the key of the one before is in wrong hands: all that it has certified is void')
    .action(rotate)
  withJson(withAuthority(ca.command('offline-root')))
    .description("move the root's key away, to a medium that is locked up; the server goes on without it")
    .argument('<file>', 'a new file, such as /media/usb/root.key')
    .action(offlineRoot)
}

async function rotate({ dir, rootKey, revoke, json = false, ...options }: RotateFlags): Promise<void> {
  const { rotateIssuing } = await import('../../../index.ts')
  const passphrase = passphraseSource(options, "passphrase of the authority's keys")
  const { serialNumber, validToDate } = await rotateIssuing(dir, { passphrase, rootKey, revoke })
  const serial = serialNumber.toLowerCase()
  const notAfter = validToDate.toISOString()
  const sentence = `made the issuing CA ${serial}, until ${notAfter}${revoke ? '; the one before is revoked' : ''}`
  await sayDone({ json }, sentence, { done: 'ca.rotate', serial, notAfter, revokedBefore: revoke === true })
}

async function offlineRoot(file: string, options: DoneFlags): Promise<void> {
  const { moveRootKey } = await import('../../../index.ts')
  await moveRootKey(options.dir, file)
  const sentence = `moved the root's key to ${file}; sft auth ca rotate --root-key wants it again`
  await sayDone(options, sentence, { done: 'ca.offline-root', file })
}
