import type { Command } from 'commander'
import type { AuditLog } from '../index.ts'

/** The audit of whoever answers peers. */

export interface AuditFlags {
  audit?: string
}

export function withAudit(command: Command): Command {
  return command.option('--audit <file>', 'write a line for each session, transfer and refusal; sft audit checks it')
}

/** Works with the audit that was named, and closes it. */
export async function withAuditLog<T>(
  { audit }: AuditFlags,
  work: (log: AuditLog | undefined) => Promise<T>
): Promise<T> {
  if (audit === undefined) return work(undefined)
  const { openAuditLog } = await import('../index.ts')
  await using log = await openAuditLog(audit)
  return await work(log)
}
