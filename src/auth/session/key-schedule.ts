import { createHash } from 'node:crypto'
import { invariant } from '../../streams/errors.ts'
import { IV_BYTES, KEY_BYTES, SUITE_IDS, type Suite } from '../../workers/construction.ts'
import { expand, extract } from '../../workers/hkdf.ts'
import { GROUP_IDS, type Group } from './key-exchange.ts'

/** The key schedule of a session (SPEC §5). Every secret is a buffer of its own, zeroed by whoever holds it. */

const HASH_BYTES = 32
const TRAFFIC_BYTES = KEY_BYTES + IV_BYTES
const NO_CONTEXT = new Uint8Array(0)

/** Secrets of the handshake: record keys (`key ‖ iv`, 44 bytes) and MAC keys (32 bytes) of both directions, and what the session grows from. */
export interface HandshakeSecrets {
  readonly s_hs: Uint8Array
  readonly c_hs: Uint8Array
  readonly s_fin: Uint8Array
  readonly c_fin: Uint8Array
  readonly derived: Uint8Array
}

/** Secrets of the session: record keys of both directions (44 bytes), exporter, what its stripes grow from, and session id (32 bytes). */
export interface SessionSecrets {
  readonly s_ap: Uint8Array
  readonly c_ap: Uint8Array
  readonly exp: Uint8Array
  readonly join: Uint8Array
  readonly sid: Uint8Array
}

/**
 * Derives the handshake's secrets.
 *
 * @param z shared secret of the key exchange; borrowed, the caller zeroes it
 * @param thHello transcript hash after `HELR`
 */
export function handshakeSecrets(suite: Suite, group: Group, z: Uint8Array, thHello: Uint8Array): HandshakeSecrets {
  const salt = createHash('sha256').update('sft/1 ').update(u16(SUITE_IDS[suite])).update(u16(GROUP_IDS[group]))
  const hs = extract(salt.digest(), z)
  const secrets = {
    s_hs: expandLabel(hs, 's_hs', thHello, TRAFFIC_BYTES),
    c_hs: expandLabel(hs, 'c_hs', thHello, TRAFFIC_BYTES),
    s_fin: expandLabel(hs, 's_fin', thHello, HASH_BYTES),
    c_fin: expandLabel(hs, 'c_fin', thHello, HASH_BYTES),
    derived: expandLabel(hs, 'derived', NO_CONTEXT, HASH_BYTES)
  }
  hs.fill(0)
  return secrets
}

/**
 * Derives the session's secrets.
 *
 * @param derived of the handshake; borrowed
 * @param thFinal transcript hash after the initiator's `SECF`
 */
export function sessionSecrets(derived: Uint8Array, thFinal: Uint8Array): SessionSecrets {
  const ms = extract(derived, new Uint8Array(HASH_BYTES))
  const secrets = {
    s_ap: expandLabel(ms, 's_ap', thFinal, TRAFFIC_BYTES),
    c_ap: expandLabel(ms, 'c_ap', thFinal, TRAFFIC_BYTES),
    exp: expandLabel(ms, 'exp', thFinal, HASH_BYTES),
    join: expandLabel(ms, 'join', thFinal, HASH_BYTES),
    sid: expandLabel(ms, 'sid', thFinal, HASH_BYTES)
  }
  ms.fill(0)
  return secrets
}

/** Record keys of one stripe (44 bytes each). */
export interface StripeSecrets {
  readonly s_st: Uint8Array
  readonly c_st: Uint8Array
}

/**
 * Derives the secrets of one stripe (SPEC §8.1).
 *
 * @param join of the session; borrowed
 * @param random of its `JOIN`, 32 bytes
 */
export function stripeSecrets(join: Uint8Array, stripe: number, random: Uint8Array): StripeSecrets {
  const context = Buffer.concat([Uint8Array.of(stripe), random])
  return {
    s_st: expandLabel(join, 's_st', context, TRAFFIC_BYTES),
    c_st: expandLabel(join, 'c_st', context, TRAFFIC_BYTES)
  }
}

/** HKDF-Expand-Label of RFC 8446 §7.1 with the prefix `sft/1 `: info = `u16 n ‖ u8 length ‖ "sft/1 " ‖ label ‖ u8 length ‖ context`. */
export function expandLabel(
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number
): Uint8Array<ArrayBuffer> {
  const name = Buffer.from(`sft/1 ${label}`, 'latin1')
  invariant(name.byteLength < 256 && context.byteLength < 256, 'label or context is too long')
  const info = [u16(length), Uint8Array.of(name.byteLength), name, Uint8Array.of(context.byteLength), context]
  return expand(secret, Buffer.concat(info), length)
}

/** Overwrites secrets that have served. */
export function zero(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0)
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}
