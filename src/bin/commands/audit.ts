import type { Command } from 'commander'
import { print } from '../terminal.ts'

/** `sft audit FILE`: whether an audit that `--audit` has written is whole. */
export function registerAuditFile(program: Command): void {
  program
    .command('audit')
    .description('look for a line of an audit that was changed, cut out or moved')
    .argument('<file>', 'as it was given to --audit; files of before, FILE.NUMBER, are read first')
    .option('--json', 'as one JSON object')
    .action(check)
}

async function check(file: string, options: { json?: boolean }): Promise<void> {
  const { SftError, verifyAuditLog } = await import('../../index.ts')
  const verdict = await verifyAuditLog(file)
  if (!verdict.intact) throw new SftError('ERR_SFT_AUDIT', `line ${verdict.at} of the audit: ${verdict.problem}`)
  await sayIntact(verdict, options.json)
}

/** What is known of an audit that nobody has changed. */
export async function sayIntact(
  { first, lines, head }: { first: number; lines: number; head: string },
  json: boolean | undefined
): Promise<void> {
  if (json) await print(`${JSON.stringify({ first, lines, head })}\n`)
  else await print(`${lines} lines from ${first}, intact; head ${head}\n`)
}
