import { printable } from './terminal.ts'

/** A line of several phrases that never is longer than the terminal is wide: what is left out is a whole phrase. */

export interface Phrase {
  readonly text: string
  /** Of what does not fit, the phrases of the highest rank go first; those of rank 0 stay. */
  readonly rank: number
  /** What stands between it and the phrase before. Default: a comma. */
  readonly before?: string
}

/** All of them in a line. */
export function joined(phrases: readonly Phrase[]): string {
  return phrases.map(({ text, before = ', ' }, index) => (index === 0 ? text : before + text)).join('')
}

/** As it is printed, with as many of them as there is room for. A line that were broken by the terminal could not be written over. */
export function fitted(phrases: readonly Phrase[], width: number): string {
  const line = printable(joined(phrases))
  const last = Math.max(...phrases.map(({ rank }) => rank))
  if (line.length <= width || last === 0) return line.slice(0, Math.max(1, width))
  return fitted(
    phrases.filter(({ rank }) => rank < last),
    width
  )
}
