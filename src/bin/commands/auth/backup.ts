import type { Command } from 'commander'
import type { BackupSummary } from '../../../index.ts'
import { say } from '../../terminal.ts'
import { actorOf, type StoreFlags, withAuthority } from './store.ts'

/** `sft auth backup` and `sft auth restore`. */
export function registerBackup(auth: Command): void {
  withAuthority(auth.command('backup'))
    .description('write keys, certificates, users and the books into one file, whether a server runs or not')
    .argument('<file>', 'a new file; it is as secret as the directory')
    .action(backup)
  withAuthority(auth.command('restore'))
    .description('make the authority of a backup in a new directory')
    .argument('<file>', 'the backup')
    .action(restore)
}

async function backup(file: string, { dir }: StoreFlags): Promise<void> {
  const { backupAuthority } = await import('../../../index.ts')
  say(`wrote ${file}${inWords(await backupAuthority(dir, file))}`)
}

async function restore(file: string, { dir }: StoreFlags): Promise<void> {
  const { restoreAuthority } = await import('../../../index.ts')
  const summary = await restoreAuthority(file, dir, actorOf('admin'))
  say(`restored the authority in ${dir}${inWords(summary)}; what was revoked since the backup has to be revoked again`)
}

function inWords({ hasStore, hasRootKey }: BackupSummary): string {
  const missing = [
    ...(hasRootKey ? [] : ["the root's key, which is kept elsewhere"]),
    ...(hasStore ? [] : ['users and certificates, which are in PostgreSQL: pg_dump'])
  ]
  return missing.length > 0 ? `, without ${missing.join(' and ')}` : ''
}
