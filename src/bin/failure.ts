import type { SftError } from '../index.ts'
import { Unfinished } from './continuing.ts'
import { Interrupted } from './interrupt.ts'
import { printable, say } from './terminal.ts'

/** How a failure looks to a person and to a shell. */

/** One line on standard error: what, and what to do next; another with the command that goes on from there. Nothing for a reader of our output that has left. */
export function report(error: unknown): void {
  if (error instanceof Unfinished) {
    report(error.cause)
    say(error.advice)
    return
  }
  if (isSftError(error) && error.code === 'ERR_SFT_OUTPUT_CLOSED') return
  process.stderr.write(lineOf(error))
}

/** The same line, for whoever writes it. */
export function lineOf(error: unknown): string {
  if (error instanceof Interrupted) return `sft: interrupted by ${error.signalName}\n`
  if (!isSftError(error)) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return `sft: internal error, please report it: ${printable(what)}\n`
  }
  const hint = error.hint === undefined ? '' : `; hint: ${error.hint}`
  return `sft: ${printable(error.message + hint)} [${error.code}]\n`
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Unfinished) return exitCodeOf(error.cause)
  if (error instanceof Interrupted) return error.exitCode
  return isSftError(error) ? error.exitCode : 1
}

/** By its shape: loading the library only to name a failure would double the start of `sft --help`. */
function isSftError(error: unknown): error is SftError {
  return error instanceof Error && error.name === 'SftError' && 'exitCode' in error
}
