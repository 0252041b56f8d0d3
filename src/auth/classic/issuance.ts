import type { KeyObject, X509Certificate } from 'node:crypto'
import { type Issuer, issue, selfSign } from '../certificates/certificate.ts'
import type { KeyPair } from '../certificates/keys.ts'
import { EXTENSION } from '../certificates/profile.ts'
import { CLASSIC_AUTHORITY } from './certificate.ts'

/** What a classic authority signs (SPEC §14.3). */

const DAY = 24 * 60 * 60_000
/** A leaf is valid a little before it is made, for peers whose clock is behind. */
const BACKDATE = 5 * 60_000
const ROOT_LIFE = 10 * 365 * DAY
/** Life of a leaf in milliseconds. */
export const CLASSIC_LIFE = 10 * DAY

/** Makes a classic root, valid for 10 years. It names no organisation and limits no path: no native peer can pin it. */
export function createClassicRoot(key: KeyPair): X509Certificate {
  const now = Date.now()
  return selfSign(
    {
      subject: { commonName: 'sft classic root' },
      publicKey: key.publicKey,
      notBefore: new Date(now - BACKDATE),
      notAfter: new Date(now + ROOT_LIFE),
      extensions: [{ id: EXTENSION.basicConstraints, critical: true, value: CLASSIC_AUTHORITY }]
    },
    key.privateKey
  )
}

/** Certifies a key as the classic system does. It never outlives the root. */
export function issueClassicLeaf(
  root: Issuer,
  { alias, publicKey, ttl = CLASSIC_LIFE }: { alias: string; publicKey: KeyObject; ttl?: number | undefined }
): X509Certificate {
  const now = Date.now()
  const end = Math.min(now + ttl, root.certificate.validToDate.getTime())
  const validity = { notBefore: new Date(now - BACKDATE), notAfter: new Date(end) }
  return issue({ subject: { commonName: alias }, publicKey, ...validity, extensions: [], keyIds: false }, root)
}
