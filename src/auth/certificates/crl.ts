import { sign, verify, type X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import type { Issuer } from './certificate.ts'
import {
  type Element,
  element,
  integer,
  octetString,
  oid,
  readElement,
  readElements,
  readFields,
  sequence,
  TAG
} from './der.ts'
import { readSubject } from './extensions.ts'
import { keyId } from './keys.ts'
import { authorityKeyId, EXTENSION, SHA256_WITH_RSA } from './profile.ts'

/** Revocation lists (RFC 5280 §5, SPEC §4.5): which certificates of one CA are void before their time. One form is written, and that form only is read. */

/** Bytes of the largest list that is read or signed: some 25,000 entries. */
export const MAX_CRL = 1024 * 1024
/** CRL numbers are written in at most 31 bits; one an hour lasts a while. */
export const MAX_CRL_NUMBER = 2 ** 31 - 1

const REASON_CODES = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9
} as const

/** Why a certificate is void, as RFC 5280 §5.3.1 calls it; the one on hold may be good again. */
export type RevocationReason = keyof typeof REASON_CODES

export interface RevokedEntry {
  /** Serial number in hex, lower case. */
  readonly serial: string
  readonly at: Date
  readonly reason: RevocationReason
}

export interface RevocationList {
  /** Grows from list to list. */
  readonly number: number
  readonly thisUpdate: Date
  /** After it the list says nothing any more. */
  readonly nextUpdate: Date
  readonly entries: readonly RevokedEntry[]
}

const CRL_NUMBER = oid('2.5.29.20')
const VERSION_2 = integer(1)

/** The one extension of an entry, for each reason. */
const REASON_EXTENSIONS = Object.entries(REASON_CODES).map(([reason, code]) => ({
  reason: reason as RevocationReason,
  der: extension(oid('2.5.29.21'), element(TAG.enumerated, Uint8Array.of(code)))
}))

/**
 * Signs a list with the key of its CA; DER.
 *
 * @throws SftError ERR_SFT_LIMIT for one beyond `MAX_CRL` bytes.
 */
export function signCrl(list: RevocationList, issuer: Issuer): Uint8Array {
  const revoked = list.entries.map(({ serial, at, reason }) =>
    sequence(element(TAG.integer, Buffer.from(serial, 'hex')), time(at), sequence(extensionOf(reason)))
  )
  const tbs = sequence(
    VERSION_2,
    SHA256_WITH_RSA,
    readSubject(issuer.certificate.raw),
    time(list.thisUpdate),
    time(list.nextUpdate),
    // an empty list is left out (RFC 5280 §5.1.2.6)
    ...(revoked.length > 0 ? [sequence(...revoked)] : []),
    element(0xa0, listExtensions(issuer.certificate, list.number))
  )
  const signature = sign('sha256', tbs, issuer.privateKey)
  const der = sequence(tbs, SHA256_WITH_RSA, element(TAG.bitString, Uint8Array.of(0), signature))
  if (der.byteLength > MAX_CRL) throw new SftError('ERR_SFT_LIMIT', 'the revocation list is too long')
  return Uint8Array.from(der)
}

/**
 * Reads a list of a CA whose own certificate has been checked: its signature first, then everything else. Whether it is still current, and not
 * older than one that is known, its owner knows.
 *
 * @param der borrowed
 * @throws SftError ERR_SFT_CRL for whatever `signCrl` would not have written for this CA.
 */
export function readCrl(der: Uint8Array, issuer: X509Certificate): RevocationList {
  try {
    if (der.byteLength > MAX_CRL) throw new Error('too long')
    const [tbs, algorithm, signature] = readFields(readElement(der, TAG.sequence), [
      TAG.sequence,
      TAG.sequence,
      TAG.bitString
    ])
    same(whole(algorithm), SHA256_WITH_RSA)
    if (signature.contents[0] !== 0) throw new Error('a signature of some bits')
    if (!verify('sha256', whole(tbs), issuer.publicKey, signature.contents.subarray(1)))
      throw new Error('the signature does not verify')
    return readList(tbs.contents, issuer)
  } catch (cause) {
    throw new SftError('ERR_SFT_CRL', 'this is no revocation list of the certificate authority', { cause })
  }
}

function readList(tbs: Uint8Array, issuer: X509Certificate): RevocationList {
  const fields = readElements(tbs)
  const isEmpty = fields.length === 6
  const [version, algorithm, name, thisUpdate, nextUpdate, ...rest] = fields
  const [revoked, extensions] = isEmpty ? [undefined, rest[0]] : rest
  if (fields.length !== (isEmpty ? 6 : 7)) throw new Error('another number of fields')
  same(whole(version), VERSION_2)
  same(whole(algorithm), SHA256_WITH_RSA)
  same(whole(name), readSubject(issuer.raw))
  if (extensions?.tag !== 0xa0) throw new Error('a list without extensions')
  const number = readNumber(extensions.contents)
  same(extensions.contents, listExtensions(issuer, number))
  const entries = revoked === undefined ? [] : readElements(readElement(whole(revoked), TAG.sequence)).map(readEntry)
  return { number, thisUpdate: readTime(thisUpdate), nextUpdate: readTime(nextUpdate), entries }
}

function readEntry(entry: Element): RevokedEntry {
  const [serial, at, extensions] = readFields(entry.contents, [TAG.integer, undefined, TAG.sequence])
  if (entry.tag !== TAG.sequence) throw new Error('an entry is a sequence')
  const found = REASON_EXTENSIONS.find(({ der }) => Buffer.compare(extensions.contents, der) === 0)
  if (found === undefined) throw new Error('an entry without a reason, or with something else')
  return { serial: Buffer.from(serial.contents).toString('hex'), at: readTime(at), reason: found.reason }
}

function extensionOf(reason: RevocationReason): Uint8Array {
  return (REASON_EXTENSIONS.find(each => each.reason === reason) as { der: Uint8Array }).der
}

/** The extensions of a list: its issuer's key, and its number. */
function listExtensions(issuer: X509Certificate, number: number): Uint8Array {
  return sequence(
    extension(oid(EXTENSION.authorityKeyId), authorityKeyId(keyId(issuer.publicKey))),
    extension(CRL_NUMBER, integer(number))
  )
}

/** Finds the number; that nothing else stands there, the comparison with `listExtensions` shows. */
function readNumber(extensions: Uint8Array): number {
  for (const { contents } of readElements(readElement(extensions, TAG.sequence))) {
    const [id, value] = readFields(contents, [TAG.oid, TAG.octetString])
    if (Buffer.compare(whole(id), CRL_NUMBER) !== 0) continue
    const number = readElement(value.contents, TAG.integer).reduce((sum, byte) => sum * 256 + byte, 0)
    if (number > MAX_CRL_NUMBER) throw new Error('the number is too large')
    return number
  }
  throw new Error('a list without a number')
}

function extension(id: Uint8Array, value: Uint8Array): Uint8Array {
  return sequence(id, octetString(value))
}

/** RFC 5280 §5.1.2.4: UTCTime to 2049, GeneralizedTime from then on; whole seconds. */
function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  const text = Buffer.from(`${digits}Z`, 'latin1')
  return date.getUTCFullYear() < 2050 ? element(TAG.utcTime, text.subarray(2)) : element(TAG.generalizedTime, text)
}

function readTime(field: Element | undefined): Date {
  const text = Buffer.from(field?.contents ?? []).toString('latin1')
  const digits = field?.tag === TAG.utcTime ? `20${text}` : text
  const date = new Date(digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  // also refuses 30 February, and the other type for this year
  same(whole(field), time(date))
  return date
}

/** An element as it stood there: DER has one form of each. */
function whole(field: Element | undefined): Uint8Array {
  if (field === undefined) throw new Error('a structure ends early')
  return element(field.tag, field.contents)
}

function same(found: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(found, expected) !== 0) throw new Error('a field has another value')
}
