import type { Command } from 'commander'
import { parseDuration } from '../../options.ts'
import { print } from '../../terminal.ts'
import { type StoreFlags, withAuthority, withStore } from './store.ts'

interface TokenFlags extends StoreFlags {
  user: string
  ttl?: number
  json?: boolean
}

/** `sft auth token`: what lets a host log in once without a password. */
export function registerTokens(auth: Command): void {
  withAuthority(auth.command('token'))
    .description('print an enrolment token: sft login --token-file takes it once, in the place of a password')
    .requiredOption('--user <name>', 'for whom')
    .option('--ttl <time>', 'how long it is good, at most 5m (default)', parseDuration)
    .option('--json', 'with its end, as one JSON object')
    .action(token)
}

async function token({ user: name, ttl, json, dir }: TokenFlags): Promise<void> {
  const { describeAuthority, issueToken } = await import('../../../index.ts')
  const { org } = await describeAuthority(dir)
  const issued = await withStore({ dir }, store => issueToken(store, { org, name, ttl }))
  const expires = issued.expires.toISOString()
  await print(json ? `${JSON.stringify({ token: issued.token, expires })}\n` : `${issued.token}\n`)
}
