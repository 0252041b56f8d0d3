/** A line as words: blanks part them, unless a backslash or quotes say otherwise. */

export interface Words {
  readonly words: readonly string[]
  /** Where the last word begins; the length of the line if it ends behind one, so that another would begin. */
  readonly start: number
}

const TOKEN =
  /\\(?<escaped>.)|"(?<double>(?:[^"\\]|\\.)*)"?|'(?<single>[^']*)'?|(?<blank>\s+)|(?<plain>\\$|[^\\"'\s]+)/gsu

export function splitWords(line: string): Words {
  const words: string[] = []
  let start = line.length
  let open = false
  for (const { index, groups: token = {} } of line.matchAll(TOKEN)) {
    if (token.blank !== undefined) {
      open = false
      continue
    }
    const text = token.escaped ?? token.double?.replace(/\\(.)/gsu, '$1') ?? token.single ?? token.plain ?? ''
    if (open) words.push((words.pop() as string) + text)
    else {
      words.push(text)
      start = index
    }
    open = true
  }
  return { words, start: open ? start : line.length }
}

/** A word as it has to be typed. */
export function quoteWord(word: string): string {
  return word === '' ? '""' : word.replace(/[\s\\"']/gu, '\\$&')
}
