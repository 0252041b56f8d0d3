import { SftError } from '../../streams/errors.ts'
import { matchesName, matchesPath } from './glob.ts'

/** Which entries of a tree are sent. Paths are below the top directory, without it. */

export interface FilterOptions {
  /** What matches is left out, with all below it. A glob without a slash is of names anywhere, one with a slash of whole paths; one that ends with a slash is of directories only. */
  readonly exclude?: readonly string[] | undefined
  /** Of files and links, only what matches one of these. Default: all. */
  readonly include?: readonly string[] | undefined
  /** Only these paths, and all below those that are directories. Default: all. */
  readonly files?: readonly string[] | undefined
}

export interface Filter {
  /** Whether a directory is entered. */
  enters(path: string): boolean
  /** Whether a file, a link, or a directory that is empty is sent. */
  takes(path: string): boolean
  /** Directories are sent for what is in them only. */
  readonly lazy: boolean
  /** This path was told of, in whatever way. */
  told(path: string): void
  /** The named paths that were never met. @param guarded whether what is there, but of which nothing was told, is among them */
  missing(guarded?: boolean): readonly string[]
}

/** Bytes of the filter in a request for a directory (SPEC §8.5). */
const MAX_REQUEST_BYTES = 32 * 1024
/** Patterns of one request, and bytes of each. */
const MAX_PATTERNS = 1000
const MAX_PATTERN_BYTES = 1024

type Test = (components: readonly string[], directory: boolean) => boolean

/** @throws SftError ERR_SFT_USAGE for a pattern that is empty or too long, or too many. */
export function makeFilter({ exclude = [], include = [], files }: FilterOptions): Filter {
  const excluded = patterns(exclude)
  const included = patterns(include)
  const listed = files && new Listed(files)
  const isOut = (components: readonly string[], directory: boolean): boolean =>
    excluded.some(test => test(components, directory))
  return {
    lazy: include.length > 0 || files !== undefined,
    enters(path) {
      const components = split(path)
      return !isOut(components, true) && (listed?.enters(components) ?? true)
    },
    takes(path) {
      const components = split(path)
      if (isOut(components, false) || !(listed?.takes(components) ?? true)) return false
      return included.length === 0 || included.some(test => test(components, false))
    },
    told: path => listed?.told(split(path)),
    missing: guarded => listed?.missing(guarded) ?? []
  }
}

/** A filter as a request carries it: a line for each pattern, `-` out, `+` in, `=` a path. @throws SftError ERR_SFT_USAGE for one that is too long for that. */
export function encodeFilter({ exclude = [], include = [], files }: FilterOptions): string | undefined {
  const signed = (sign: string, texts: readonly string[]): string[] => texts.map(text => `${sign}${text}`)
  // an empty list of paths is another thing than none
  const lines = [...signed('-', exclude), ...signed('+', include), ...signed('=', files ?? []), ...(files ? ['='] : [])]
  if (lines.length === 0) return undefined
  const text = lines.join('\n')
  if (lines.some(line => line.includes('\n')) || Buffer.byteLength(text) > MAX_REQUEST_BYTES)
    throw wrong('the patterns and paths are too many for one request')
  return text
}

/** @throws SftError ERR_SFT_ENCODING */
export function decodeFilter(text: string | undefined): FilterOptions {
  const lines = text === undefined ? [] : text.split('\n')
  if (!lines.every(line => /^[-+=]/.test(line)))
    throw new SftError('ERR_SFT_ENCODING', 'a filter has a line that is none')
  const of = (sign: string): string[] => lines.filter(line => line.startsWith(sign)).map(line => line.slice(1))
  const files = of('=')
  return { exclude: of('-'), include: of('+'), ...(files.length > 0 && { files: files.filter(each => each !== '') }) }
}

/** Text of a name that may be no text, for a pattern or a person. */
export function readable(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function split(path: string): readonly string[] {
  return readable(path).split('/')
}

function patterns(globs: readonly string[]): Test[] {
  if (globs.length > MAX_PATTERNS) throw wrong(`at most ${MAX_PATTERNS} patterns`)
  return globs.map(glob => {
    if (glob === '' || Buffer.byteLength(glob) > MAX_PATTERN_BYTES || glob.includes('\0'))
      throw wrong(`a pattern has 1 to ${MAX_PATTERN_BYTES} bytes`)
    const directories = glob.endsWith('/')
    const components = glob.replace(/^\.?\/|\/$/g, '').split('/')
    const test: Test =
      components.length === 1 && !/^\.?\//.test(glob)
        ? path => matchesName(path.at(-1) as string, components[0] as string)
        : path => matchesPath(path, components)
    return directories ? (path, directory) => directory && test(path, directory) : test
  })
}

/** What became of a path of a list. */
interface Named {
  met: boolean
  told: boolean
}

/** A list of paths, and the directories that lead to them. */
class Listed {
  readonly #wanted = new Map<string, Named>()
  readonly #leading = new Set<string>()

  constructor(files: readonly string[]) {
    for (const file of files) {
      const components = file.split('/').filter(each => each !== '' && each !== '.')
      if (components.includes('..')) throw wrong(`${JSON.stringify(file)} leads out of the directory`)
      this.#wanted.set(components.join('/'), { met: false, told: false })
      for (let depth = 1; depth < components.length; depth++) this.#leading.add(components.slice(0, depth).join('/'))
    }
  }

  enters(components: readonly string[]): boolean {
    return this.takes(components) || this.#leading.has(components.join('/'))
  }

  /** What is listed itself, or lies below what is. */
  takes(components: readonly string[]): boolean {
    if (this.#wanted.has('')) return true
    const [listed] = this.#over(components)
    if (listed) listed.met = true
    return listed !== undefined
  }

  told(components: readonly string[]): void {
    for (const listed of this.#over(components)) listed.told = true
  }

  missing(guarded = false): readonly string[] {
    const isMissing = ({ met, told }: Named): boolean => !(guarded ? told : met)
    return [...this.#wanted].filter(([path, named]) => path !== '' && isMissing(named)).map(([path]) => path)
  }

  /** What is listed of a path and of those above it, from the top. */
  #over(components: readonly string[]): Named[] {
    const paths = components.map((_, index) => components.slice(0, index + 1).join('/'))
    return paths.flatMap(path => this.#wanted.get(path) ?? [])
  }
}

function wrong(message: string): SftError {
  return new SftError('ERR_SFT_USAGE', message)
}
