/** HTML that can not be broken out of: what is put into a template is text, and is escaped, unless a template made it. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = Markup | string | number | readonly Part[] | undefined | false

/** A template of HTML or SVG. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(strings.reduce((all, each, index) => all + written(parts[index - 1]) + each))
}

function written(part: Part): string {
  if (part === undefined || part === false) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'object') return part.map(written).join('')
  return escaped(String(part))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

/** Text as it is shown: what drives a terminal, or turns the direction of what follows (CVE-2021-42574), is seen as its number. */
function escaped(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, shownAsNumber)
    .replace(/[&<>"']/g, character => ENTITIES[character] as string)
}

function shownAsNumber(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`
}
