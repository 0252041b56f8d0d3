import type { OnMessage } from '../index.ts'
import { reader } from './reader.ts'
import { printable } from './terminal.ts'

/** Messages of peers on a terminal (SPEC §8.6): whose each line is, is never the word of whoever wrote it. */

/** Columns that a line has for its text, in a terminal that is narrower than a name. */
const FEWEST_COLUMNS = 8

export interface MessagePlace {
  /** Standard output is free for them; otherwise it carries data, and they go to standard error among what is said there. */
  readonly onStandardOutput: boolean
}

/** Prints messages, one after the other, each line behind the name of its sender; a program that reads events has them among those. */
export function messagePrinter({ onStandardOutput }: MessagePlace): OnMessage {
  const program = reader()
  if (program) return (text, { name }) => program.message(text, name)
  const stream = onStandardOutput ? process.stdout : process.stderr
  // what it is not told of as an error of a write
  stream.on('error', () => {})
  return (text, { name }) => {
    const prefix = onStandardOutput ? `${name}: ` : `sft: message from ${name}: `
    return write(stream, messageLines(prefix, text, stream.isTTY ? stream.columns : undefined))
  }
}

/**
 * A message as lines that all begin with `prefix`: those of its own, and where a terminal of so many columns would break them, so that none that one sees can be
 * taken for another sender's.
 */
export function messageLines(prefix: string, text: string, columns?: number): string {
  const width = columns ? Math.max(columns - prefix.length, FEWEST_COLUMNS) : Number.POSITIVE_INFINITY
  return text
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .flatMap(line => broken(printable(line), width))
    .map(line => `${prefix}${line}\n`)
    .join('')
}

/** A character outside of ASCII may take two columns. */
function broken(line: string, width: number): string[] {
  const lines = ['']
  let used = 0
  for (const character of line) {
    const columns = character > '\u007f' ? 2 : 1
    if (used + columns > width) {
      lines.push('')
      used = 0
    }
    lines[lines.length - 1] += character
    used += columns
  }
  return lines
}

async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  const { SftError } = await import('../index.ts')
  await new Promise<void>((resolve, reject) => {
    stream.write(text, cause => {
      if (cause) reject(new SftError('ERR_SFT_OUTPUT_CLOSED', 'nobody reads the messages any more', { cause }))
      else resolve()
    })
  })
}
