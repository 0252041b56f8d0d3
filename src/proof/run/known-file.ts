import type { Known } from '../model.ts'

/** What goes over the wire of a proof, all of it recognisable. */

export interface KnownFile {
  readonly name: string
  readonly bytes: Buffer
}

/** A ledger of `size` bytes: a page of lines that repeats, with a number in every eighth of them, and both names all over. */
export function knownFile(name: string, size: number, people: readonly [string, string]): KnownFile {
  const bytes = Buffer.alloc(size)
  for (let at = 0, number = 0; at < size; number++) {
    const line =
      number % 8 === 0 ? `page ${String(number / 8).padStart(8, '0')} of the ledger\n` : entry(number % 8, people)
    at += bytes.write(line, at, 'latin1')
  }
  return { name, bytes }
}

function entry(row: number, [payer, payee]: readonly [string, string]): string {
  return `${row}. ${payer} owes ${payee} the sum of ${row}${row}5.00, to be paid by the end of this month; confidential, for these two only\n`
}

/** What the judge is told of a run. */
export function knownOf(file: KnownFile, texts: NonNullable<Known['texts']>): Known {
  return { plain: [file], texts: [...texts, { kind: 'file name', text: file.name }] }
}
