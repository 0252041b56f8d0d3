import { SftError } from './errors.ts'

/** What becomes of a file or a directory whose name is taken (SPEC §8, M90). */
export type Existing = 'refuse' | 'replace' | 'rename'

export interface ExistingOptions {
  /** When the name is taken: `refuse` (default) is an error, `replace` takes its place, `rename` takes `name (1).ext`, `name (2).ext` and so on. */
  existing?: Existing | undefined
  /** The same as `existing: 'replace'`. Default false. */
  force?: boolean | undefined
}

/** Numbers that are tried: a bound for whoever sends the same name for ever. */
export const MAX_NUMBER = 9999
const MAX_NAME_BYTES = 255
/** A short word behind the last point, with `.tar` before it; what is in front of it is not empty. */
const EXTENSION = /(?<=.)(?:\.tar)?\.[A-Za-z0-9]{1,15}$/su

/** @throws SftError ERR_SFT_USAGE for options that contradict each other. */
export function existingOf({ existing, force }: ExistingOptions): Existing {
  if (force && existing !== undefined && existing !== 'replace')
    throw new SftError('ERR_SFT_USAGE', 'what is there can be replaced, or the new one renamed, not both')
  return existing ?? (force ? 'replace' : 'refuse')
}

/**
 * Takes a name that nobody has: the one that was wanted, or with `rename` the first that is free. Nobody looks before: of those who want one name at once, each gets another.
 *
 * @param claim takes a name, exclusively; false when it is taken
 * @param extension what of the name stays behind the number; see `extensionOf`
 * @returns the name that was taken
 * @throws SftError ERR_SFT_EXISTS
 */
export async function claimName(
  name: string,
  { existing, extension = '' }: { existing: Existing; extension?: string },
  claim: (name: string) => Promise<boolean>
): Promise<string> {
  const candidates = existing === 'rename' ? namesFor(name, extension) : [name]
  for (const candidate of candidates) if (await claim(candidate)) return candidate
  if (existing === 'rename')
    throw new SftError('ERR_SFT_EXISTS', `that name is taken, with every number up to ${MAX_NUMBER}`)
  throw new SftError('ERR_SFT_EXISTS', 'something of that name exists', {
    hint: 'give another name; or --rename, or --force'
  })
}

/** A name, and those that may be taken in its place, in their order. */
export function* namesFor(name: string, extension: string): Generator<string, void, undefined> {
  yield name
  for (let number = 1; number <= MAX_NUMBER; number++) yield numbered(name, extension, number)
}

/** The end of a file's name that tells its kind: `.pdf`, `.tar.gz`; nothing of `.bashrc`, or of a sentence with a point in it. */
export function extensionOf(name: string): string {
  return EXTENSION.exec(name)?.[0] ?? ''
}

/** `report (1).pdf`; the front part of a long name gives way, by whole characters. */
function numbered(name: string, extension: string, number: number): string {
  const end = ` (${number})${extension}`
  let front = name.slice(0, name.length - extension.length)
  while (Buffer.byteLength(front) + Buffer.byteLength(end) > MAX_NAME_BYTES) front = [...front].slice(0, -1).join('')
  return front + end
}
