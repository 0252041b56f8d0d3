import type { Command } from 'commander'
import type { BackupSummary } from '../../../index.ts'
import { actorOf, type DoneFlags, sayDone, withAuthority, withJson } from './store.ts'

/** `sft auth backup` and `sft auth restore`. */
export function registerBackup(auth: Command): void {
  withJson(withAuthority(auth.command('backup')))
    .description('write keys, certificates, users and the books into one file, whether a server runs or not')
    .argument('<file>', 'a new file; it is as secret as the directory')
    .action(backup)
  withJson(withAuthority(auth.command('restore')))
    .description('make the authority of a backup in a new directory')
    .argument('<file>', 'the backup')
    .action(restore)
}

async function backup(file: string, options: DoneFlags): Promise<void> {
  const { backupAuthority } = await import('../../../index.ts')
  const summary = await backupAuthority(options.dir, file)
  await sayDone(options, `wrote ${file}${inWords(summary)}`, { done: 'backup', file, ...summary })
}

async function restore(file: string, options: DoneFlags): Promise<void> {
  const { restoreAuthority } = await import('../../../index.ts')
  const { dir } = options
  const summary = await restoreAuthority(file, dir, actorOf('admin'))
  const sentence = `restored the authority in ${dir}${inWords(summary)}; what was revoked since the backup has to be revoked again`
  await sayDone(options, sentence, { done: 'restore', dir, ...summary })
}

function inWords({ hasStore, hasRootKey }: BackupSummary): string {
  const missing = [
    ...(hasRootKey ? [] : ["the root's key, which is kept elsewhere"]),
    ...(hasStore ? [] : ['users and certificates, which are in PostgreSQL: pg_dump'])
  ]
  return missing.length > 0 ? `, without ${missing.join(' and ')}` : ''
}
