import {
  constants,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  randomBytes,
  verify,
  X509Certificate
} from 'node:crypto'
import forge from 'node-forge'
import { SftError } from '../../streams/errors.ts'
import { element, sequence, TAG } from './der.ts'
import { isAcceptableKey, type KeyPair, keyId } from './keys.ts'
import * as profile from './profile.ts'

/**
 * X.509 certificates and PKCS#10 requests (SPEC §4.2, §4.4), built and taken apart with node-forge, of which this file is the only home.
 * Private keys stay in OpenSSL, which also does every signature and every verification.
 */

/** DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2). */
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex')

/** Who signs: a CA certificate and its private key. */
export interface Issuer {
  readonly certificate: X509Certificate
  readonly privateKey: KeyObject
}

/** What a certificate says, apart from its serial and the two key identifiers. */
export interface CertificateFields {
  readonly subject: Subject
  readonly publicKey: KeyObject
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly profile.Extension[]
  /** False leaves the key identifiers out, as in certificates of the classic system. */
  readonly keyIds?: boolean
}

export interface Subject {
  readonly organisation?: string
  readonly commonName: string
}

/** Signs a root with its own key; for any other certificate see `issue`. */
export function selfSign(fields: CertificateFields, privateKey: KeyObject): X509Certificate {
  return signCertificate(fields, { subject: forgeSubject(fields.subject), publicKey: fields.publicKey, privateKey })
}

/** Signs a certificate of any contents; `issuance.ts` chooses those that SPEC §4.2 allows. */
export function issue(fields: CertificateFields, issuer: Issuer): X509Certificate {
  const subject = forge.pki.certificateFromPem(issuer.certificate.toString()).subject.attributes
  return signCertificate(fields, { subject, publicKey: issuer.certificate.publicKey, privateKey: issuer.privateKey })
}

function signCertificate(
  fields: CertificateFields,
  issuer: KeyPair & { subject: forge.pki.CertificateField[] }
): X509Certificate {
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forgeKey(fields.publicKey)
  certificate.serialNumber = randomSerial().toString('hex')
  certificate.validity.notBefore = fields.notBefore
  certificate.validity.notAfter = fields.notAfter
  certificate.setSubject(forgeSubject(fields.subject))
  certificate.setIssuer(issuer.subject)
  const keyIds =
    fields.keyIds === false ? [] : profile.keyIdExtensions(keyId(fields.publicKey), keyId(issuer.publicKey))
  certificate.setExtensions(
    [...fields.extensions, ...keyIds].map(({ value, ...rest }) => ({ ...rest, value: binary(value) }))
  )
  certificate.sign(opensslSigner(issuer.privateKey), forge.md.sha256.create())
  return new X509Certificate(forge.pki.certificateToPem(certificate))
}

/**
 * Makes a certification request in PEM, signed by the key it is for.
 *
 * @param challenge - text that binds the request to one channel, in challengePassword.
 */
export function createRequest(name: string, key: KeyPair, challenge: string): string {
  const request = forge.pki.createCertificationRequest()
  request.publicKey = forgeKey(key.publicKey)
  request.setSubject(forgeSubject({ commonName: name }))
  const valueTagClass = forge.asn1.Type.UTF8 as unknown as forge.asn1.Class
  request.setAttributes([{ name: 'challengePassword', value: challenge, valueTagClass }])
  request.sign(opensslSigner(key.privateKey), forge.md.sha256.create())
  return forge.pki.certificationRequestToPem(request)
}

/** What a request asks for, once its signature has verified. */
export interface CertificationRequest {
  readonly name: string
  readonly publicKey: KeyObject
  readonly challenge: string
}

/**
 * Takes a request apart and verifies that its signer holds the key it is for. Node has no PKCS#10, so forge parses first; the caller bounds `pem`.
 *
 * @param pem - at most 32 KiB.
 * @throws SftError ERR_SFT_CERT_INVALID for anything but a request with one CN, one challengePassword, an acceptable key and a good signature.
 */
export function parseRequest(pem: string): CertificationRequest {
  try {
    return readRequest(pem)
  } catch (cause) {
    throw new SftError('ERR_SFT_CERT_INVALID', 'the certification request is malformed', { cause })
  }
}

function readRequest(pem: string): CertificationRequest {
  const der = pemBody(pem)
  const outer = parseDer(der)
  const info = child(outer, 0)
  const request = forge.pki.certificationRequestFromAsn1(outer)
  const publicKey = createPublicKey({ key: toDer(child(info, 2)), type: 'spki', format: 'der' })
  const signature = Buffer.from(String(request.signature), 'latin1')
  // What the signature does not cover has one form: the algorithm and the wrapping (RFC 2986 §4.2).
  const wrapped = sequence(toDer(info), profile.SHA256_WITH_RSA, element(TAG.bitString, Uint8Array.of(0), signature))
  if (binary(wrapped) !== der) throw new Error('another signature algorithm, or no DER')
  if (!isAcceptableKey(publicKey)) throw new Error('another kind of key')
  if (!verify('sha256', toDer(info), publicKey, signature)) throw new Error('the signature does not verify')
  const name = soleValue(request.subject.attributes, forge.pki.oids.commonName)
  const challenge = soleValue(request.attributes, forge.pki.oids.challengePassword)
  return { name, publicKey, challenge }
}

/** SPEC §4.2: 127 random bits. The top bit is clear, since a serial is positive, and the next set, since its DER is minimal. */
function randomSerial(): Buffer {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40
  return serial
}

/** forge writes PrintableString unless told otherwise, and breaks on text that does not fit it. */
function forgeSubject({ organisation, commonName }: Subject): forge.pki.CertificateField[] {
  const valueTagClass = forge.asn1.Type.UTF8 as unknown as forge.asn1.Class
  const fields = [{ name: 'commonName', value: commonName, valueTagClass }]
  return organisation === undefined
    ? fields
    : [{ name: 'organizationName', value: organisation, valueTagClass }, ...fields]
}

function forgeKey(publicKey: KeyObject): forge.pki.rsa.PublicKey {
  return forge.pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }).toString())
}

/** Gives forge something that signs like its own private key: PKCS#1 v1.5 by OpenSSL over the digest that forge computed. */
function opensslSigner(key: KeyObject): forge.pki.rsa.PrivateKey {
  const sign = (digest: forge.md.MessageDigest): string => {
    const info = Buffer.concat([SHA256_DIGEST_INFO, Buffer.from(digest.digest().getBytes(), 'latin1')])
    return binary(privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info))
  }
  return { sign } as unknown as forge.pki.rsa.PrivateKey
}

function pemBody(pem: string): string {
  const [message, ...others] = forge.pem.decode(pem)
  if (message?.type !== 'CERTIFICATE REQUEST' || others.length > 0) throw new Error('not one certification request')
  return message.body
}

function soleValue(
  attributes: readonly { type?: string | undefined; value?: unknown }[],
  type: string | undefined
): string {
  const [first, ...others] = attributes
  if (first?.type !== type || typeof first?.value !== 'string' || others.length > 0)
    throw new Error('not one attribute of its type')
  return first.value
}

function parseDer(bytes: string): forge.asn1.Asn1 {
  return forge.asn1.fromDer(bytes, true)
}

function toDer(node: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(node).getBytes(), 'latin1')
}

function children(node: forge.asn1.Asn1): readonly forge.asn1.Asn1[] {
  if (typeof node.value === 'string') throw new Error('a structure was expected')
  return node.value
}

function child(node: forge.asn1.Asn1, index: number): forge.asn1.Asn1 {
  const found = children(node)[index]
  if (found === undefined) throw new Error('a structure ends early')
  return found
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
