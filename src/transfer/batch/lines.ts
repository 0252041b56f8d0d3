import { isUtf8 } from 'node:buffer'
import { SftError } from '../../streams/errors.ts'
import type { Source } from '../../streams/types.ts'

/** Bytes as lines of text, such as the list of a batch and the journal of its spool. */

const NEWLINE = 10

/** A line without its end. */
export interface Line {
  /** Undefined for what is no UTF-8. */
  readonly text: string | undefined
  /** From 1. */
  readonly number: number
  /** False for a last line that has no end. */
  readonly whole: boolean
  /** Bytes of it and of all before it, with their ends. */
  readonly end: number
}

/**
 * Splits bytes into lines. Memory: one line and one piece.
 *
 * @param most bytes of a line
 * @throws SftError ERR_SFT_LIMIT for a longer one
 */
export async function* linesOf(source: Source<Uint8Array>, most: number): AsyncGenerator<Line, void, undefined> {
  const begun: Uint8Array[] = []
  let [number, end, held] = [1, 0, 0]
  const add = (part: Uint8Array): void => {
    held += part.byteLength
    if (held > most) throw new SftError('ERR_SFT_LIMIT', `line ${number} has more than ${most} bytes`)
    begun.push(part)
  }
  const take = (whole: boolean): Line => {
    end += held + (whole ? 1 : 0)
    const bytes = Buffer.concat(begun.splice(0), held)
    const text = isUtf8(bytes) ? bytes.toString('utf8') : undefined
    held = 0
    return { text, number: number++, whole, end }
  }
  for await (const piece of source) {
    let from = 0
    for (let to = piece.indexOf(NEWLINE); to >= 0; to = piece.indexOf(NEWLINE, from)) {
      add(piece.subarray(from, to))
      yield take(true)
      from = to + 1
    }
    // a copy: the piece is its owner's
    add(piece.slice(from))
  }
  if (held > 0) yield take(false)
}
