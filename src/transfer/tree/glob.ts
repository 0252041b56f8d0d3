/**
 * Globs of paths: `*` and `?` within a component, `[a-z]` and `[!a-z]`, `**` for any components. In time of at most pattern × path, whatever the pattern:
 * a peer may send one, and those of `path.matchesGlob` become regular expressions and braces that take for ever.
 */

/** Whether a whole path matches, component by component. */
export function matchesPath(path: readonly string[], glob: readonly string[]): boolean {
  return matches(path, glob, '**', matchesName)
}

/** Whether one component matches. */
export function matchesName(name: string, pattern: string): boolean {
  return matches([...name], tokensOf(pattern), '*', matchesCharacter)
}

/**
 * Whether a row of things matches a row of patterns, of which `any` stands for any number of things. Only the last `any` ever has to take one more.
 */
function matches(
  things: readonly string[],
  patterns: readonly string[],
  any: string,
  one: (thing: string, pattern: string) => boolean
): boolean {
  let [thing, pattern] = [0, 0]
  let retry: { thing: number; pattern: number } | undefined
  while (thing < things.length) {
    const next = patterns[pattern]
    if (next === any) {
      retry = { thing, pattern: ++pattern }
    } else if (next !== undefined && one(things[thing] as string, next)) {
      thing++
      pattern++
    } else if (retry) {
      thing = ++retry.thing
      pattern = retry.pattern
    } else {
      return false
    }
  }
  return patterns.slice(pattern).every(each => each === any)
}

/** Characters, and classes with their brackets. A bracket that is not closed is itself. */
function tokensOf(pattern: string): string[] {
  return pattern.match(/\[!?\]?[^\]]*\]|\\.|./gsu) ?? []
}

function matchesCharacter(character: string, token: string): boolean {
  if (token === '?') return true
  if (token.length > 2 && token.startsWith('[')) return matchesClass(character, token.slice(1, -1))
  return character === (token.length > 1 && token.startsWith('\\') ? token.slice(1) : token)
}

function matchesClass(character: string, listed: string): boolean {
  const negated = listed.startsWith('!') && listed.length > 1
  const parts = [...(negated ? listed.slice(1) : listed)]
  let found = false
  for (let i = 0; i < parts.length; i++) {
    const [from, to] = [parts[i] as string, parts[i + 1] === '-' ? parts[i + 2] : undefined]
    found ||= to === undefined ? character === from : character >= from && character <= to
    if (to !== undefined) i += 2
  }
  return found !== negated
}
