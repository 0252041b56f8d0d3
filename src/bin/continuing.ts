import { basename } from 'node:path'
import type { KeptOptions, Restart, RestartOptions } from '../index.ts'
import { Interrupted } from './interrupt.ts'
import { formatBytes } from './options.ts'
import { say } from './terminal.ts'

/** What commands say of transfers that ended too early, or begin anew. */

/** A failure with the command line that goes on from it. */
export class Unfinished extends Error {
  readonly advice: string

  constructor(cause: unknown, advice: string) {
    super('a transfer is unfinished', { cause })
    this.advice = advice
  }
}

/** After these the same command may well succeed, whether anything was kept or not. */
const PASSING: readonly unknown[] = ['ERR_SFT_CONNECTION_LOST', 'ERR_SFT_TIMEOUT']

/**
 * Runs a transfer whose command can be run again.
 *
 * @throws Unfinished with the command, if the connection was lost or something of the transfer was kept; otherwise what it failed with.
 */
export async function continuable<T>(run: (told: KeptOptions) => Promise<T>): Promise<T> {
  let kept = 0
  const onKept = (bytes: number): void => {
    kept = bytes
  }
  try {
    return await run({ onKept })
  } catch (error) {
    const passing = !(error instanceof Interrupted) && PASSING.includes((error as { code?: unknown }).code)
    const command = commandLine(process.argv.slice(2))
    if (kept === 0 && !passing) throw error
    throw new Unfinished(error, `${kept > 0 ? 'to go on where it ended' : 'to try again'}: ${command}`)
  }
}

/** Says when what was there of `path` is given up. */
export function saysRestart(path: string): RestartOptions {
  return { onRestart: restart => sayRestart(path, restart) }
}

export function sayRestart(path: string, { reason, bytes }: Restart): void {
  const why = reason === 'differs' ? 'differs from what was there of it' : 'has changed since'
  say(`${basename(path)} ${why}; beginning anew (${formatBytes(bytes)} of it were there)`)
}

/** `sft` with its arguments, as a POSIX shell or bash reads them. There is never a secret among them. */
export function commandLine(args: readonly string[]): string {
  // Node has put these in the place of bytes that are no UTF-8
  if (args.some(arg => arg.includes('\ufffd'))) return 'the same command again'
  return ['sft', ...args.map(quote)].join(' ')
}

const PLAIN = /^[\p{L}\p{N}@%+=:,./_-]+$/u
const CONTROL = /[\p{C}\p{Zl}\p{Zp}]/gu

function quote(arg: string): string {
  if (PLAIN.test(arg)) return arg
  const quoted = `'${arg.replaceAll("'", "'\\''")}'`
  if (!CONTROL.test(arg)) return quoted
  const bytes = (char: string): string =>
    [...Buffer.from(char)].map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
  return `$'${arg.replace(/['\\]/g, '\\$&').replace(CONTROL, bytes)}'`
}
