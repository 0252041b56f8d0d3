import { createHmac } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import type { Identity } from '../auth/identity/identity.ts'
import { extract } from '../workers/hkdf.ts'

const LABEL = Buffer.from('sft/1 file id', 'latin1')
const secrets = new WeakMap<Identity['privateKey'], Uint8Array>()

/**
 * The id of one state of one file, 32 bytes: who has a part of it gets the rest only while it is that state (SPEC §8.4, M63). Nobody else learns anything from it: it is
 * keyed by the sender's private key, which a renewal keeps.
 */
export function fileId({ privateKey }: Pick<Identity, 'privateKey'>, stat: BigIntStats): Uint8Array {
  const { dev, ino, size, mtimeNs, ctimeNs } = stat
  return createHmac('sha256', secretOf(privateKey)).update([dev, ino, size, mtimeNs, ctimeNs].join(' ')).digest()
}

/** True for one and the same state; what has no id is none. */
export function isSameFile(id: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return id !== undefined && other !== undefined && Buffer.compare(id, other) === 0
}

function secretOf(privateKey: Identity['privateKey']): Uint8Array {
  const known = secrets.get(privateKey)
  if (known !== undefined) return known
  const der = privateKey.export({ type: 'pkcs8', format: 'der' })
  const secret = extract(LABEL, der)
  der.fill(0)
  secrets.set(privateKey, secret)
  return secret
}
