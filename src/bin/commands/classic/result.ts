import type { ClassicGot } from '../../../classic.ts'
import { say } from '../../terminal.ts'

/** What is said of a file that came over the classic wire (M150). */

/** One line; with the mark unless it is what was expected. */
export function sayClassic(name: string, { alias, bytes, renamed, asExpected, sha256 }: ClassicGot): void {
  const as = renamed === undefined ? '' : ` as ${renamed}`
  const what = `${name}${as}, ${bytes} bytes, from whoever showed the certificate of ${alias}`
  if (asExpected) say(`received, as expected: ${what}`)
  else say(`UNAUTHENTICATED: ${what}; nobody vouches for them, or that they are all; sha256 ${sha256}`)
}

/** @throws SftError ERR_SFT_UNAUTHENTICATED, exit 46, unless it is what was expected. */
export async function requireExpected({ asExpected }: ClassicGot): Promise<void> {
  if (asExpected) return
  const { SftError } = await import('../../../index.ts')
  throw new SftError('ERR_SFT_UNAUTHENTICATED', 'what came is not authenticated, and may not be whole', {
    hint: 'compare its SHA-256 with one from elsewhere, or give it: --expect-sha256, --expect-size'
  })
}
