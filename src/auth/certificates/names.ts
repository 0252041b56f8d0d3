import type { X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'

/** Names of people and organisations, and the URI that stands for both in a certificate (SPEC §4.1). */

const USER_NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/
const ORGANISATION = /^[a-z0-9][a-z0-9.-]{0,62}$/
const IDENTITY_URI = /^sft:\/\/([^/]+)\/u\/([^/]+)$/

/** True for text that is a user name: 1 to 32 characters, lower case. */
export function isUserName(text: string): boolean {
  return USER_NAME.test(text)
}

/**
 * Checks a user name and returns it.
 *
 * @throws SftError ERR_SFT_USAGE when it does not match SPEC §4.1.
 */
export function parseUserName(text: string): string {
  if (isUserName(text)) return text
  throw new SftError('ERR_SFT_USAGE', 'not a user name: 1 to 32 of a-z 0-9 . _ - with a letter or digit first')
}

/**
 * Checks the name of an organisation and returns it.
 *
 * @throws SftError ERR_SFT_USAGE when it does not match SPEC §4.1.
 */
export function parseOrganisation(text: string): string {
  if (ORGANISATION.test(text)) return text
  throw new SftError('ERR_SFT_USAGE', 'not an organisation: 1 to 63 of a-z 0-9 . - with a letter or digit first')
}

/** The organisation that a root is of: its own O, which is pinned with it. */
export function organisationOf({ subject }: Pick<X509Certificate, 'subject'>): string {
  const [, org] = /^O=(.+)$/m.exec(subject) ?? []
  if (org === undefined) throw new SftError('ERR_SFT_CERT_USAGE', 'the root names no organisation')
  return parseOrganisation(org)
}

/** Writes the URI of an identity, `sft://ORG/u/NAME`; both names have been checked. */
export function identityUri(org: string, name: string): string {
  return `sft://${org}/u/${name}`
}

/** Reads the URI of an identity; undefined for anything that `identityUri` would not write. */
export function parseIdentityUri(uri: string): { org: string; name: string } | undefined {
  const [, org, name] = IDENTITY_URI.exec(uri) ?? []
  if (org === undefined || name === undefined) return undefined
  return ORGANISATION.test(org) && USER_NAME.test(name) ? { org, name } : undefined
}
