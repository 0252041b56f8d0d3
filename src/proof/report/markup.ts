/**
 * Markup that can not be made by accident: whatever is put into the template is text and is escaped, unless it is markup that this template made. A capture is
 * written by whoever stood at the wire, so names in it may hold tags, bells and characters that turn the direction of what follows.
 */

export class Markup {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }
}

type Part = Markup | readonly Markup[] | string | number | false | undefined

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}
/** Characters that show nothing, or change how others are shown. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu

/** Characters of one text that are shown; a name in a capture can have any length. */
const MAX_SHOWN = 400

/** Nothing in it turns, hides or rings: `\u{202e}` for the character that would. */
export function legible(text: string, most = MAX_SHOWN): string {
  const points = text.length > most ? [...text.slice(0, 2 * most + 2)] : []
  const cut = points.length > most ? `${points.slice(0, most).join('')} … (cut)` : text
  return cut.replace(/\n/g, ' ').replace(UNSEEN, char => `\\u{${(char.codePointAt(0) as number).toString(16)}}`)
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, char => ENTITIES[char] as string)
}

function written(part: Part): string {
  if (part === undefined || part === false) return ''
  if (part instanceof Markup) return part.source
  if (typeof part === 'object') return part.map(({ source }) => source).join('')
  return escaped(legible(String(part)))
}

export function markup(pieces: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(pieces.reduce((text, piece, at) => text + written(parts[at - 1]) + piece))
}

/** What a peer or a capture says, whose letters may run from right to left: kept apart from the sentence around it. */
export function foreign(text: string, most = MAX_SHOWN): Markup {
  return markup`<bdi>${legible(text, most)}</bdi>`
}
