import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import type { RetryOptions, TransferResult } from '../index.ts'
import { formatBytes, parseCount } from './options.ts'
import { pointsToDirectory } from './points-to-directory.ts'
import { operations } from './progress.ts'
import { say } from './terminal.ts'

/** What commands that move a file over a socket share. */

/** What the strict suite is to a person. */
export const UNDER_RSA = 'every byte under RSA'

/** Reports one finished transfer on standard error; of how many connections, when there were several or had been asked for. */
export function sayTransfer(
  verb: string,
  peer: string,
  name: string | undefined,
  { bytes, resumedAt, kind, connections, tree, renamed, suite, privateOperations }: Omit<TransferResult, 'metadata'>,
  streams = 1
): void {
  const over = connections > 1 || streams > 1 ? `, over ${connections} connection${connections === 1 ? '' : 's'}` : ''
  const resumed = resumedAt > 0 ? `, resumed at ${formatBytes(resumedAt)}` : ''
  const entries = tree ? `, ${tree.entries} ${tree.entries === 1 ? 'entry' : 'entries'}` : ''
  const left = tree && tree.omitted > 0 ? `, ${tree.omitted} left out` : ''
  const instead = renamed === undefined ? '' : ` as ${renamed}`
  const strict = suite === 'rsa-oaep' ? `, ${UNDER_RSA}, ${operations(privateOperations)}` : ''
  say(
    `${verb} ${peer}: ${whatIs(name)}${instead}${entries}, ${formatBytes(bytes)}${resumed}, ${kind}${over}${strict}${left}`
  )
}

/** What a transfer moves, to a person. */
export function whatIs(name = 'a stream'): string {
  return name === '.' ? 'all that is served' : name
}

/** Where what is asked for goes: into a directory that is there, or under the name that is given. Undefined for a descriptor. */
export async function placeOf(output: string | number, path: string): Promise<string | undefined> {
  if (typeof output === 'number') return undefined
  const { receivedName } = await import('../index.ts')
  return (await pointsToDirectory(output)) ? join(output, receivedName(path)) : output
}

/** Reports what was asked for, with the name that it has here. */
export function sayReceived(
  { address, path, place }: { address: string; path: string; place: string | undefined },
  result: Omit<TransferResult, 'metadata'>,
  streams = 1
): void {
  const { renamed } = result
  const name = place !== undefined && renamed !== undefined ? join(dirname(place), renamed) : place
  sayTransfer('received from', address, path, { ...result, ...(name !== undefined && { renamed: name }) }, streams)
}

export interface ResumeFlags {
  /** False with `--no-resume`. */
  resume: boolean
}

/** Whoever receives a file may begin it again, and leave nothing of it. */
export function withResume(command: Command): Command {
  return command.option('--no-resume', 'begin every file anew, and remove what a failure leaves of it')
}

export interface RetryFlags {
  retry?: number
  verifyPrefix?: boolean
}

/** Whoever dials may do so again. */
export function withRetry(command: Command): Command {
  return command
    .option('--retry <n>', 'attempts more after a failure that may pass, with growing waits', parseCount)
    .option('--verify-prefix', 'before a file goes on, compare what is there of it on both sides')
}

/** What the library is told of them, and says of each. */
export function retryOptions({ retry }: RetryFlags): RetryOptions {
  const onRetry: RetryOptions['onRetry'] = (error, wait) =>
    say(`${error.message} [${error.code}]; trying again in ${(wait / 1000).toFixed(1)} s`)
  return { retry, onRetry }
}
