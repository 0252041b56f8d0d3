import { type KeyObject, X509Certificate } from 'node:crypto'
import { type Authority, bookId } from '../authority.ts'
import type { AuthStore, CertificateEntry } from './store.ts'

/** Certifies a member's key; the chain to send, which is on the books by then: what is not there can not be revoked (M44). */
export async function issueOnBooks(
  { authority, store, ttl }: { authority: Authority; store: AuthStore; ttl?: number | undefined },
  publicKey: KeyObject,
  name: string
): Promise<readonly Uint8Array[]> {
  const chain = authority.issueLeaf(publicKey, name, ttl)
  await store.certificates.add(entryOf(chain, name))
  return chain
}

/** What the books say of a chain that was issued to a member: leaf, then issuing CA. */
export function entryOf(chain: readonly Uint8Array[], name: string): CertificateEntry {
  const [leaf, issuing] = chain.map(der => new X509Certificate(der)) as [X509Certificate, X509Certificate]
  return {
    serial: serialOf(leaf.raw),
    name,
    issuer: bookId(issuing),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    der: Uint8Array.from(leaf.raw)
  }
}

/** Serial number of a certificate in DER, as the books write it: hex, lower case. */
export function serialOf(der: Uint8Array): string {
  return new X509Certificate(der).serialNumber.toLowerCase()
}
