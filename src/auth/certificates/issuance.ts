import type { KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { SftError } from '../../streams/errors.ts'
import { type Issuer, issue, selfSign } from './certificate.ts'
import type { KeyPair } from './keys.ts'
import { identityUri } from './names.ts'
import * as profile from './profile.ts'

/** The four kinds of certificate that an authority makes (SPEC §4.2), and how long each lives. */

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** A certificate is valid a little before it is made, for peers whose clock is behind. */
const BACKDATE = 5 * MINUTE
const ROOT_LIFE = 10 * 365 * DAY
const ISSUING_LIFE = 5 * 365 * DAY
/** Default life of a leaf, and of the auth server's certificate, in milliseconds. */
export const LEAF_LIFE = 10 * DAY

/** Makes the self-signed root of an organisation, valid for 10 years. */
export function createRoot(org: string, key: KeyPair): X509Certificate {
  const subject = { organisation: org, commonName: 'sft root' }
  const fields = { subject, publicKey: key.publicKey, ...validity(ROOT_LIFE), extensions: profile.rootExtensions() }
  return selfSign(fields, key.privateKey)
}

/** Makes the issuing CA of an organisation, valid for 5 years or as long as its root. */
export function createIssuing(root: Issuer, org: string, publicKey: KeyObject): X509Certificate {
  const subject = { organisation: org, commonName: 'sft issuing' }
  const extensions = profile.issuingExtensions()
  return issue({ subject, publicKey, ...validity(ISSUING_LIFE, root), extensions }, root)
}

/**
 * Certifies that a key belongs to a member of an organisation; both names have been checked.
 *
 * @param ttl - life in milliseconds; it never outlives the issuing CA.
 */
export function issueLeaf(
  issuing: Issuer,
  leaf: { org: string; name: string; publicKey: KeyObject; ttl?: number }
): X509Certificate {
  const { org, name, publicKey, ttl = LEAF_LIFE } = leaf
  const extensions = profile.leafExtensions(identityUri(org, name))
  return issue({ subject: { commonName: name }, publicKey, ...validity(ttl, issuing), extensions }, issuing)
}

/**
 * Certifies the auth server's TLS key for host names and IP addresses.
 *
 * @param hosts - at least one; the first is the CN.
 * @param ttl - life in milliseconds; it never outlives the issuing CA.
 * @throws SftError ERR_SFT_USAGE for no host, or one that is no ASCII host name.
 */
export function issueServer(
  issuing: Issuer,
  server: { publicKey: KeyObject; hosts: readonly string[]; ttl?: number }
): X509Certificate {
  const { publicKey, hosts, ttl = LEAF_LIFE } = server
  const [commonName] = hosts
  if (commonName === undefined) throw new SftError('ERR_SFT_USAGE', 'a server certificate needs a host name')
  const extensions = profile.serverExtensions(hosts.map(alternativeName))
  // A CN holds at most 64 characters (RFC 5280, appendix A.1); TLS clients read the SAN.
  const subject = { commonName: commonName.slice(0, 64) }
  return issue({ subject, publicKey, ...validity(ttl, issuing), extensions }, issuing)
}

function validity(life: number, issuer?: Issuer): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  const end = Math.min(now + life, issuer?.certificate.validToDate.getTime() ?? Number.POSITIVE_INFINITY)
  return { notBefore: new Date(now - BACKDATE), notAfter: new Date(end) }
}

function alternativeName(host: string): Uint8Array {
  const family = isIP(host)
  if (family === 4) return profile.ipName(Uint8Array.from(host.split('.').map(Number)))
  if (family === 6 && !host.includes('%')) return profile.ipName(ipv6Bytes(host))
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(host))
    throw new SftError('ERR_SFT_USAGE', 'a host is neither an IP address nor an ASCII host name')
  return profile.dnsName(host)
}

/** The URL parser writes IPv6 in its one canonical form (RFC 5952), without an embedded IPv4 address. */
function ipv6Bytes(host: string): Uint8Array {
  const [head = '', tail] = new URL(`http://[${host}]/`).hostname.slice(1, -1).split('::')
  const words = (text: string): number[] => (text === '' ? [] : text.split(':').map(word => Number.parseInt(word, 16)))
  const [first, last] = [words(head), words(tail ?? '')]
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
  return Uint8Array.from(all.flatMap(word => [word >> 8, word & 0xff]))
}
