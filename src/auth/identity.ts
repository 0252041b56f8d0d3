import type { KeyObject, X509Certificate } from 'node:crypto'

/** Who one is: a name in an organisation, the chain that certifies it, and the key (SPEC §4). */
export interface Identity {
  readonly org: string
  readonly name: string
  /** The pinned root; never sent. */
  readonly root: X509Certificate
  /** DER of leaf and issuing CA, in this order. */
  readonly chain: readonly Uint8Array[]
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}
