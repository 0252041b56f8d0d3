import { type KeyObject, X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { readExtensions } from './extensions.ts'
import { isAcceptableKey, keyId, spkiHash } from './keys.ts'
import { parseIdentityUri } from './names.ts'
import {
  EXTENSION,
  type Extension,
  issuingExtensions,
  leafExtensions,
  rootExtensions,
  SHA256_WITH_RSA_ID,
  soleUri
} from './profile.ts'

/** The path check: a strict subset of RFC 5280 §6 (SPEC §4.3). One step for each MUST, in its order. */

const MAX_CERTIFICATES = 2
/** Bytes of a certificate (M8). */
export const MAX_CERTIFICATE = 3072
/** Milliseconds by which clocks may differ (M11). */
export const CLOCK_SKEW = 5 * 60_000

/** The extensions that a path check understands; the key identifiers among them say nothing that the signatures do not. */
const KNOWN: ReadonlySet<string> = new Set(Object.values(EXTENSION))
const KEY_IDS: ReadonlySet<string> = new Set([EXTENSION.subjectKeyId, EXTENSION.authorityKeyId])

/** What a revocation list calls a certificate. */
export interface CertificateId {
  /** Key identifier of its issuer, 20 bytes in hex. */
  readonly issuer: string
  /** Serial number in hex, lower case. */
  readonly serial: string
}

/** A peer whose chain has passed the path check. */
export interface PeerIdentity {
  readonly org: string
  readonly name: string
  /** DER of the leaf, a copy. */
  readonly leaf: Uint8Array
  readonly publicKey: KeyObject
  /** SHA-256 of the SubjectPublicKeyInfo, 32 bytes. */
  readonly spkiHash: Uint8Array
  readonly notAfter: Date
  /** Of its chain: the leaf first, the root left out. */
  readonly certificates: readonly CertificateId[]
}

export interface PathOptions {
  readonly root: X509Certificate
  /** One's own organisation. */
  readonly org: string
  /** The name that was asked for; any member when absent. */
  readonly name?: string | undefined
  readonly now?: Date | undefined
}

/**
 * Encodes a chain for the wire: `(u16 length ‖ DER)` once or twice (SPEC §4.3).
 *
 * @throws SftError ERR_SFT_CERT_INVALID for a chain that M8 refuses.
 */
export function encodeChain(chain: readonly Uint8Array[]): Uint8Array {
  checkShape(chain)
  const parts = chain.flatMap(der => [Uint8Array.of(der.byteLength >> 8, der.byteLength & 0xff), der])
  return new Uint8Array(Buffer.concat(parts))
}

/**
 * Decodes a chain from the wire into copies; nothing about the certificates is checked but number and size (M8).
 *
 * @throws SftError ERR_SFT_CERT_INVALID for another layout.
 */
export function decodeChain(bytes: Uint8Array): Uint8Array[] {
  const chain: Uint8Array[] = []
  let offset = 0
  while (offset < bytes.byteLength && chain.length <= MAX_CERTIFICATES) {
    const length = ((bytes[offset] as number) << 8) | (bytes[offset + 1] ?? 0)
    const start = offset + 2
    offset = start + length
    if (offset > bytes.byteLength) throw invalid('a chain ends inside a certificate')
    chain.push(Uint8Array.from(bytes.subarray(start, offset)))
  }
  checkShape(chain)
  return chain
}

/**
 * Checks a peer's chain against the pinned root (M8 to M12) and says who the peer is.
 *
 * @param chain - DER of leaf and issuing CA, borrowed; as it came from the peer.
 * @throws SftError ERR_SFT_CERT_INVALID, _UNTRUSTED, _USAGE, _EXPIRED or _NAME: the first MUST that does not hold.
 */
export function verifyPath(chain: readonly Uint8Array[], options: PathOptions): PeerIdentity {
  checkShape(chain)
  const path = [options.root, ...chain.map(parseCertificate).reverse()]
  checkSignatures(path)
  const peer = checkUsage(path)
  checkDates(path, options.now ?? new Date())
  if (peer.org !== options.org) throw new SftError('ERR_SFT_CERT_NAME', 'the certificate is from another organisation')
  if (options.name !== undefined && peer.name !== options.name)
    throw new SftError('ERR_SFT_CERT_NAME', 'the certificate has another name')
  return peer
}

/**
 * Checks the certificate of an issuing CA, or the root itself, against the pinned root (M8 to M11).
 *
 * @param der borrowed
 * @throws SftError ERR_SFT_CERT_INVALID, _UNTRUSTED, _USAGE or _EXPIRED.
 */
export function verifyIssuer(der: Uint8Array, { root, now = new Date() }: Pick<PathOptions, 'root' | 'now'>) {
  checkShape([der])
  const path = Buffer.compare(der, root.raw) === 0 ? [root] : [root, parseCertificate(der)]
  checkSignatures(path)
  attempt(() => {
    checkLinks(path)
    checkAuthorities(path)
  }, usage)
  checkDates(path, now)
  return path.at(-1) as X509Certificate
}

/** The name of an issuer in revocation lists and between peers: its key identifier in hex. */
export function issuerIdOf(issuer: X509Certificate): string {
  return Buffer.from(keyId(issuer.publicKey)).toString('hex')
}

/** M8. */
function checkShape(chain: readonly Uint8Array[]): void {
  if (chain.length < 1 || chain.length > MAX_CERTIFICATES) throw invalid('a chain has one or two certificates')
  const fits = chain.every(der => der.byteLength > 0 && der.byteLength <= MAX_CERTIFICATE)
  if (!fits) throw invalid(`a certificate has 1 to ${MAX_CERTIFICATE} bytes`)
}

function parseCertificate(der: Uint8Array): X509Certificate {
  const certificate = attempt(
    () => new X509Certificate(der),
    cause => invalid('a certificate is malformed', cause)
  )
  // OpenSSL reads PEM here too, and ignores what follows the certificate.
  if (Buffer.compare(certificate.raw, der) !== 0) throw invalid('a certificate is not exactly its DER')
  return certificate
}

/** M9: from the root downwards, so a key is used only once its own certificate is known to be good. */
function checkSignatures(path: readonly X509Certificate[]): void {
  for (const [index, certificate] of path.entries()) {
    const issuer = path[Math.max(0, index - 1)] ?? certificate
    const signed = attempt(() => certificate.verify(issuer.publicKey), untrusted)
    if (!signed) throw untrusted()
  }
}

/** M10: every certificate is exactly what SPEC §4.2 makes for its place, and names its issuer. */
function checkUsage(path: readonly X509Certificate[]): PeerIdentity {
  return attempt(() => {
    checkLinks(path)
    checkAuthorities(path.slice(0, -1))
    return checkLeaf(path)
  }, usage)
}

function checkLinks(path: readonly X509Certificate[]): void {
  for (const [index, certificate] of path.entries()) {
    const issuer = path[Math.max(0, index - 1)] ?? certificate
    if (!isAcceptableKey(certificate.publicKey) || !certificate.checkIssued(issuer)) throw usage()
  }
}

function checkAuthorities(authorities: readonly X509Certificate[]): void {
  for (const [index, certificate] of authorities.entries()) {
    checkExtensions(readConstraints(certificate), index === 0 ? rootExtensions() : issuingExtensions())
  }
}

function checkLeaf(path: readonly X509Certificate[]): PeerIdentity {
  const leaf = path.at(-1) as X509Certificate
  const constraints = readConstraints(leaf)
  const san = constraints.find(({ id }) => id === EXTENSION.subjectAltName)
  const uri = san === undefined ? undefined : soleUri(san.value)
  const identity = uri === undefined ? undefined : parseIdentityUri(uri)
  if (uri === undefined || identity === undefined || leaf.subject !== `CN=${identity.name}`) throw usage()
  checkExtensions(constraints, leafExtensions(uri))
  const { publicKey } = leaf
  const { org, name } = identity
  return {
    org,
    name,
    leaf: Uint8Array.from(leaf.raw),
    publicKey,
    spkiHash: spkiHash(publicKey),
    notAfter: leaf.validToDate,
    certificates: idsOf(path)
  }
}

function idsOf(path: readonly X509Certificate[]): CertificateId[] {
  const below = path.slice(1).map((certificate, index) => ({
    issuer: issuerIdOf(path[index] as X509Certificate),
    serial: certificate.serialNumber.toLowerCase()
  }))
  return below.reverse()
}

/** Reads the extensions that constrain a certificate, each at most once; an unknown one may stand beside them if it is not critical. */
function readConstraints(certificate: X509Certificate): readonly Extension[] {
  const { signatureAlgorithm, extensions } = readExtensions(certificate.raw)
  const isUnique = new Set(extensions.map(({ id }) => id)).size === extensions.length
  const isUnderstood = extensions.every(({ id, critical }) => KNOWN.has(id) || !critical)
  if (signatureAlgorithm !== SHA256_WITH_RSA_ID || !isUnique || !isUnderstood) throw usage()
  return extensions.filter(({ id }) => KNOWN.has(id) && !KEY_IDS.has(id))
}

/** Same extensions, same criticality, same bytes. */
function checkExtensions(found: readonly Extension[], expected: readonly Extension[]): void {
  const isFound = ({ id, critical, value }: Extension): boolean =>
    found.some(other => other.id === id && other.critical === critical && Buffer.compare(other.value, value) === 0)
  if (found.length !== expected.length || !expected.every(isFound)) throw usage()
}

/** M11. */
function checkDates(path: readonly X509Certificate[], now: Date): void {
  const isCurrent = ({ validFromDate, validToDate }: X509Certificate): boolean =>
    validFromDate.getTime() - CLOCK_SKEW <= now.getTime() && now.getTime() <= validToDate.getTime() + CLOCK_SKEW
  if (path.every(isCurrent)) return
  const hint = 'check the clock of this machine, or renew the certificate'
  throw new SftError('ERR_SFT_CERT_EXPIRED', 'a certificate is expired or not yet valid', { hint })
}

/** Runs a step over a peer's bytes: whatever it throws is the peer's fault, of the kind that the step checks. */
function attempt<T>(step: () => T, fault: (cause: unknown) => SftError): T {
  try {
    return step()
  } catch (cause) {
    throw SftError.is(cause) ? cause : fault(cause)
  }
}

function invalid(message: string, cause?: unknown): SftError {
  return new SftError('ERR_SFT_CERT_INVALID', message, { cause })
}

function untrusted(cause?: unknown): SftError {
  return new SftError('ERR_SFT_CERT_UNTRUSTED', 'the certificate does not lead to the pinned root', { cause })
}

function usage(cause?: unknown): SftError {
  return new SftError('ERR_SFT_CERT_USAGE', 'the certificate is not one of a peer', { cause })
}
