import { type KeyObject, X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { element, readElement, readFields, sequence, TAG } from '../certificates/der.ts'
import { readExtensions } from '../certificates/extensions.ts'
import { isAcceptableKey } from '../certificates/keys.ts'
import { CLOCK_SKEW } from '../certificates/path.ts'
import { EXTENSION, SHA256_WITH_RSA } from '../certificates/profile.ts'
import { isAlias } from './alias.ts'
import { MAX_CLASSIC_PAYLOAD } from './wire.ts'

/** Certificates of the classic system (SPEC §14.3): a root, and leaves without any extension, which no native peer takes, as no classic one takes theirs. */

const ONE_CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/
const CERTIFICATE = [TAG.sequence, TAG.sequence, TAG.bitString] as const
/** Fields of a TBSCertificate without extensions (RFC 5280 §4.1). */
const PLAIN_TBS = [0xa0, TAG.integer, ...new Array<number>(5).fill(TAG.sequence)]

/** BasicConstraints of a CA without a limit of its path; every native CA has one. */
export const CLASSIC_AUTHORITY = sequence(element(TAG.boolean, Uint8Array.of(0xff)))

/** Whoever holds the key of this certificate; of the one who showed it, it proves nothing (A4). */
export interface ClassicPeer {
  readonly alias: string
  readonly publicKey: KeyObject
  readonly certificate: X509Certificate
}

export interface ClassicCheck {
  readonly root: X509Certificate
  /** Who it has to be; anybody when absent. */
  readonly alias?: string | undefined
  readonly now?: Date | undefined
}

/**
 * Checks a certificate against the classic root that is pinned (M143): the signature first, and only then what it says.
 *
 * @param pem as it came from the peer, borrowed
 * @throws SftError ERR_SFT_CERT_INVALID, _UNTRUSTED, _USAGE, _EXPIRED or _NAME.
 */
export function verifyClassicCertificate(
  pem: Uint8Array,
  { root, alias, now = new Date() }: ClassicCheck
): ClassicPeer {
  const certificate = parseOne(pem)
  if (!root.verify(root.publicKey) || !certificate.verify(root.publicKey))
    throw new SftError('ERR_SFT_CERT_UNTRUSTED', 'the certificate is not of the classic root')
  if (!certificate.checkIssued(root) || !root.ca || !isPlain(certificate) || !isAcceptableKey(certificate.publicKey))
    throw new SftError('ERR_SFT_CERT_USAGE', 'the certificate is not one of a classic peer')
  if (![root, certificate].every(each => isCurrent(each, now)))
    throw new SftError('ERR_SFT_CERT_EXPIRED', 'a classic certificate is expired or not yet valid', {
      hint: 'log in again, or check the clock of this machine'
    })
  const name = aliasOf(certificate)
  if (alias !== undefined && name !== alias)
    throw new SftError('ERR_SFT_CERT_NAME', 'the classic certificate has another name')
  return { alias: name, publicKey: certificate.publicKey, certificate }
}

/**
 * Reads the classic root to pin; a leaf, or a root of a native organisation, is none.
 *
 * @throws SftError ERR_SFT_CERT_INVALID, ERR_SFT_CERT_USAGE.
 */
export function parseClassicRoot(pem: Uint8Array): X509Certificate {
  const root = parseOne(pem)
  if (!root.verify(root.publicKey) || !isAcceptableKey(root.publicKey) || !isClassicAuthority(root))
    throw new SftError('ERR_SFT_CERT_USAGE', 'this is no root of a classic system')
  return root
}

function parseOne(pem: Uint8Array): X509Certificate {
  const text = Buffer.from(pem).toString('latin1')
  const fits = pem.byteLength <= MAX_CLASSIC_PAYLOAD && ONE_CERTIFICATE.test(text)
  try {
    if (fits) return new X509Certificate(text)
  } catch (cause) {
    throw new SftError('ERR_SFT_CERT_INVALID', 'the classic certificate is malformed', { cause })
  }
  throw new SftError('ERR_SFT_CERT_INVALID', 'this is not one classic certificate in PEM')
}

/** Version 3, SHA-256 with RSA, and not one extension: what the classic auth server makes, and nothing that means more elsewhere. */
function isPlain(certificate: X509Certificate): boolean {
  try {
    const [tbs, algorithm] = readFields(readElement(certificate.raw, TAG.sequence), CERTIFICATE)
    readFields(tbs.contents, PLAIN_TBS)
    return Buffer.compare(sequence(algorithm.contents), SHA256_WITH_RSA) === 0
  } catch {
    // other fields
    return false
  }
}

function isClassicAuthority(root: X509Certificate): boolean {
  try {
    const { extensions } = readExtensions(root.raw)
    const constraints = extensions.filter(({ id }) => id === EXTENSION.basicConstraints)
    return constraints.length === 1 && constraints.every(({ value }) => Buffer.compare(value, CLASSIC_AUTHORITY) === 0)
  } catch {
    // no extensions, or what is no certificate of version 3
    return false
  }
}

function isCurrent({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return validFromDate.getTime() - CLOCK_SKEW <= now.getTime() && now.getTime() <= validToDate.getTime() + CLOCK_SKEW
}

function aliasOf({ subject }: X509Certificate): string {
  const names = subject.split('\n').filter(line => line.startsWith('CN='))
  const [name = ''] = names.map(line => line.slice(3))
  if (names.length !== 1 || !isAlias(name))
    throw new SftError('ERR_SFT_CERT_USAGE', 'the certificate names no alias, or more than one')
  return name
}
