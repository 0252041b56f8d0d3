import {
  type Element,
  element,
  integer,
  readElement,
  readElements,
  readFields,
  readOid,
  requireTags,
  TAG
} from './der.ts'
import type { Extension } from './profile.ts'

/**
 * What the path check compares in a certificate and node:crypto does not offer, read with `der.ts`: every transfer checks two certificates, and
 * node-forge would cost it more than all the rest of its start.
 */

/** Tags of the fields of a TBSCertificate (RFC 5280 §4.1) that has extensions, and no unique identifiers. */
const TBS = [0xa0, TAG.integer, ...new Array<number>(5).fill(TAG.sequence), 0xa3]
const SUBJECT = 5
/** The INTEGER in `[0]`; versions count from 0. */
const VERSION_3 = integer(2)
const CERTIFICATE = [TAG.sequence, TAG.sequence, TAG.bitString]
/** DER of BOOLEAN has one value that may stand here: FALSE is the default, and left out. */
const TRUE = 0xff

/**
 * Reads the signature algorithm and the extensions. Call it only on a certificate whose signature has verified (M9).
 *
 * @param certificate - DER, borrowed: the values of the extensions stand in it.
 * @throws Error of any kind for DER that is no certificate of version 3.
 */
export function readExtensions(certificate: Uint8Array): {
  readonly signatureAlgorithm: string
  readonly extensions: readonly Extension[]
} {
  const [tbs, algorithm] = readFields(readElement(certificate, TAG.sequence), CERTIFICATE)
  const fields = readFields(contentsOf(tbs), TBS)
  const [version, extensions] = [fields[0], fields.at(-1)]
  if (Buffer.compare(contentsOf(version), VERSION_3) !== 0) throw new Error('a certificate of another version')
  const [id] = readElements(contentsOf(algorithm))
  return {
    signatureAlgorithm: readOid(contentsOf(id, TAG.oid)),
    extensions: readElements(readElement(contentsOf(extensions), TAG.sequence)).map(readExtension)
  }
}

/**
 * Reads the subject of a certificate as its DER. Call it only on a certificate whose signature has verified.
 *
 * @throws Error of any kind for DER that is no certificate of version 3.
 */
export function readSubject(certificate: Uint8Array): Uint8Array {
  const [tbs] = readFields(readElement(certificate, TAG.sequence), CERTIFICATE)
  return element(TAG.sequence, contentsOf(readFields(contentsOf(tbs), TBS)[SUBJECT]))
}

function readExtension(entry: Element): Extension {
  const fields = readElements(contentsOf(entry, TAG.sequence))
  const critical = fields.length === 3
  const tags = critical ? [TAG.oid, TAG.boolean, TAG.octetString] : [TAG.oid, TAG.octetString]
  requireTags(fields, tags)
  const flag = critical ? contentsOf(fields[1]) : undefined
  if (flag !== undefined && (flag.byteLength !== 1 || flag[0] !== TRUE)) throw new Error('criticality is not of DER')
  return { id: readOid(contentsOf(fields[0])), critical, value: contentsOf(fields.at(-1)) }
}

function contentsOf(field: Element | undefined, tag = field?.tag): Uint8Array {
  if (field === undefined || field.tag !== tag) throw new Error('a structure has another field here')
  return field.contents
}
