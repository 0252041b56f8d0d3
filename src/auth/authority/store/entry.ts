import { X509Certificate } from 'node:crypto'
import { spkiHash } from '../../certificates/keys.ts'
import type { CertificateEntry } from './store.ts'

/** What the books say of a chain that was issued to a member: leaf, then issuing CA. */
export function entryOf(chain: readonly Uint8Array[], name: string): CertificateEntry {
  const [leaf, issuing] = chain.map(der => new X509Certificate(der)) as [X509Certificate, X509Certificate]
  return {
    serial: leaf.serialNumber.toLowerCase(),
    name,
    issuer: Buffer.from(spkiHash(issuing.publicKey)).toString('hex'),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    der: Uint8Array.from(leaf.raw)
  }
}
