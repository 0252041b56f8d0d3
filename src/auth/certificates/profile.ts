import { element, integer, octetString, oid, sequence, TAG } from './der.ts'

/**
 * The extensions of each kind of certificate (SPEC §4.2), as the exact bytes that are issued. The path check compares with the same
 * bytes, so what is issued and what is accepted cannot drift apart.
 */

export interface Extension {
  readonly id: string
  readonly critical: boolean
  /** DER of the extension's own value. */
  readonly value: Uint8Array
}

/** The one signature algorithm, and its AlgorithmIdentifier, whose parameters are NULL (RFC 4055 §5). */
export const SHA256_WITH_RSA_ID = '1.2.840.113549.1.1.11'
export const SHA256_WITH_RSA = sequence(oid(SHA256_WITH_RSA_ID), Uint8Array.of(0x05, 0))

export const EXTENSION = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37'
} as const

/** What only a leaf of sft/1 may be used for: an arc of ITU-T X.667, which needs no registration. */
const PEER_USAGE = '2.25.1936094257.1'
const SERVER_USAGE = '1.3.6.1.5.5.7.3.1'

/** KeyUsage bits as one byte of the BIT STRING (RFC 5280 §4.2.1.3): digitalSignature + keyEncipherment, keyCertSign + cRLSign. */
const END_ENTITY_BITS = 0xa0
const AUTHORITY_BITS = 0x06

/** GeneralName tags (RFC 5280 §4.2.1.6), context-specific and primitive. */
const NAME_TAG = { dns: 0x82, uri: 0x86, ip: 0x87 } as const

/** A self-signed root: at most one CA below it. */
export function rootExtensions(): readonly Extension[] {
  return authorityExtensions(1)
}

/** An issuing CA: only leaves below it. */
export function issuingExtensions(): readonly Extension[] {
  return authorityExtensions(0)
}

/** A peer; `uri` as `identityUri` writes it. */
export function leafExtensions(uri: string): readonly Extension[] {
  return [...endEntityExtensions(PEER_USAGE), alternativeNames([uriName(uri)])]
}

/** The auth server's own TLS certificate; it is no peer. */
export function serverExtensions(names: readonly Uint8Array[]): readonly Extension[] {
  return [...endEntityExtensions(SERVER_USAGE), alternativeNames(names)]
}

/** The key identifiers that every certificate carries: its own key's and its issuer's, 20 bytes each. */
export function keyIdExtensions(own: Uint8Array, issuer: Uint8Array): readonly Extension[] {
  return [
    { id: EXTENSION.subjectKeyId, critical: false, value: octetString(own) },
    { id: EXTENSION.authorityKeyId, critical: false, value: authorityKeyId(issuer) }
  ]
}

/** The value of the extension that names the key of an issuer, by its identifier. */
export function authorityKeyId(issuer: Uint8Array): Uint8Array {
  return sequence(element(0x80, issuer))
}

export function alternativeNames(names: readonly Uint8Array[]): Extension {
  return { id: EXTENSION.subjectAltName, critical: false, value: sequence(...names) }
}

export function uriName(uri: string): Uint8Array {
  return element(NAME_TAG.uri, Buffer.from(uri, 'latin1'))
}

export function dnsName(host: string): Uint8Array {
  return element(NAME_TAG.dns, Buffer.from(host, 'latin1'))
}

/** @param address - 4 or 16 bytes. */
export function ipName(address: Uint8Array): Uint8Array {
  return element(NAME_TAG.ip, address)
}

/** Reads a SAN that is exactly one URI; undefined for any other. */
export function soleUri(value: Uint8Array): string | undefined {
  // A URI of SPEC §4.1 has at most 105 characters, so both lengths of the one valid encoding are single bytes.
  const uri = Buffer.from(value.subarray(4)).toString('latin1')
  return Buffer.compare(value, sequence(uriName(uri))) === 0 ? uri : undefined
}

function authorityExtensions(pathLength: number): readonly Extension[] {
  const isAuthority = element(TAG.boolean, Uint8Array.of(0xff))
  return [
    { id: EXTENSION.basicConstraints, critical: true, value: sequence(isAuthority, integer(pathLength)) },
    keyUsage(AUTHORITY_BITS)
  ]
}

function endEntityExtensions(usage: string): readonly Extension[] {
  return [
    { id: EXTENSION.basicConstraints, critical: true, value: sequence() },
    keyUsage(END_ENTITY_BITS),
    { id: EXTENSION.extendedKeyUsage, critical: true, value: sequence(oid(usage)) }
  ]
}

function keyUsage(bits: number): Extension {
  const unused = Math.log2(bits & -bits)
  return { id: EXTENSION.keyUsage, critical: true, value: element(TAG.bitString, Uint8Array.of(unused, bits)) }
}
