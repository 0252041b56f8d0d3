import { SftError } from '../../streams/errors.ts'
import { componentsOf, type Entry, leadsInside } from './entry.ts'

/** The one order in which the entries of an archive come (SPEC §8.5, M68, M69). */

/** A directory on the way down to the entry that came last; the first is the one above the top. */
export interface Step {
  readonly name: string
  /** The last name in it; '' before the first. */
  last: string
}

/** Above the top directory, before anything has come. */
export const ABOVE: Step = { name: '', last: '' }

/**
 * The place of the entry that comes next.
 *
 * @param way directories on the way down to the one that came last
 * @returns how many of them it is below, the others are over, and its own name
 * @throws SftError ERR_SFT_ENCODING for an entry that has no place there
 */
export function placeAfter(way: readonly Step[], entry: Entry): { depth: number; name: string } {
  const components = componentsOf(entry.path)
  if (components === undefined || way.length < components.length) throw misplaced()
  const depth = components.length
  const name = components[depth - 1] as string
  const known = components.slice(0, -1).every((each, level) => way[level + 1]?.name === each)
  const { last } = way[depth - 1] as Step
  if (!known || name <= last) throw misplaced()
  if (depth === 1 && (last !== '' || entry.type !== 'directory')) throw misplaced()
  if (entry.type === 'link' && !leadsInside(entry.path, entry.target)) throw misplaced()
  return { depth, name }
}

/** @throws SftError ERR_SFT_ENCODING when the archive is over and nothing was in it */
export function requireTop([above]: readonly Step[]): void {
  if (!above?.last) throw misplaced()
}

function misplaced(): SftError {
  return new SftError('ERR_SFT_ENCODING', 'an entry of the directory has no place where it comes')
}
