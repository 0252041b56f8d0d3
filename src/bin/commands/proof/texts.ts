import { isUtf8 } from 'node:buffer'
import { SftError } from '../../../index.ts'
import type { Known } from '../../../proof.ts'

/** The file of `sft proof check --texts`: a text that must not be seen on every line, with what it is in front of it. A text that is another than was meant is found nowhere. */

type Texts = NonNullable<Known['texts']>

/** What a line may begin with, in either case. */
const KINDS: Readonly<Record<string, Texts[number]['kind']>> = {
  user: 'user name',
  'user name': 'user name',
  file: 'file name',
  'file name': 'file name',
  password: 'password',
  text: 'text'
}
/** A word and a colon: what stands before it is a kind, and none that a typing error has made. */
const KIND = /^(\p{L}[\p{L}\p{N}_-]*(?: name)?)\s*:/iu
const AS_IT_IS = 'text: in front of a line takes all behind it as it is'

/** @throws SftError ERR_SFT_ENCODING for what is no UTF-8; ERR_SFT_USAGE for a kind that is none, or where there is no text. */
export function textsIn(bytes: Uint8Array, path: string): Texts {
  const texts = linesOf(bytes, path).flatMap((line, index) => textOf(line, `line ${index + 1} of ${path}`))
  if (texts.length === 0) throw new SftError('ERR_SFT_USAGE', `there is no text in ${path}`)
  return texts
}

function textOf(line: string, where: string): Texts {
  const [front, kind] = KIND.exec(line) ?? []
  if (front === undefined || kind === undefined) return line === '' ? [] : [{ kind: 'text', text: line }]
  const known = KINDS[kind.toLowerCase()]
  // neither the word nor the line is repeated: it may be the front of a password
  if (known === undefined)
    throw new SftError('ERR_SFT_USAGE', `${where} begins with a word and a colon that are no kind of text`, {
      hint: `user:, file:, password: and text: are; ${AS_IT_IS}`
    })
  const text = line.slice(front.length).trim()
  if (text === '') throw new SftError('ERR_SFT_USAGE', `${where} has no text behind its kind`, { hint: AS_IT_IS })
  return [{ kind: known, text }]
}

/** Without the blanks around each, and the mark that some editors begin a file with. */
function linesOf(bytes: Uint8Array, path: string): string[] {
  // a line ends with the same bytes in UTF-8, of which none is part of another character
  const lines = Buffer.from(bytes)
    .toString('latin1')
    .split(/\r\n|\n|\r/)
  return lines.map((line, index) => {
    const own = Buffer.from(line, 'latin1')
    // UTF-16 of ASCII is UTF-8 as well, with a zero beside each letter
    if (!isUtf8(own) || own.includes(0))
      throw new SftError('ERR_SFT_ENCODING', `line ${index + 1} of ${path} is no UTF-8`, {
        hint: 'iconv makes it so: iconv -f UTF-16 -t UTF-8, if that is what it is'
      })
    return own
      .toString()
      .replace(/^\uFEFF/, '')
      .trim()
  })
}
