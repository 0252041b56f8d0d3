import { SftError } from '../../streams/errors.ts'

/** Names of people in the classic system (SPEC §14.1): wider than native names, and each a plain name of a directory. */

const ALIAS = /^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9]$|^[A-Za-z0-9]$/

export function isAlias(text: string): boolean {
  return ALIAS.test(text)
}

/** @throws SftError ERR_SFT_USAGE for what is no alias. */
export function parseAlias(text: string): string {
  if (isAlias(text)) return text
  throw new SftError(
    'ERR_SFT_USAGE',
    'no alias: 1 to 64 of a-z A-Z 0-9 . _ @ - and space, a letter or digit at both ends'
  )
}
