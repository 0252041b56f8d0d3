import { randomBytes, timingSafeEqual } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { hmac } from '../../workers/hkdf.ts'
import { empty } from './connection.ts'
import type { HandshakeChannel } from './handshake-channel.ts'
import { joinRequest } from './handshake-messages.ts'
import { stripeSecrets } from './key-schedule.ts'
import type { StripeKeys, Stripes } from './stripes.ts'

/** How a connection becomes a stripe of a session (SPEC §8.1): `JOIN` in clear, `JOIR` as the first record. */

const RANDOM_BYTES = 32
const LABEL = Buffer.from('sft/1 join\0', 'latin1')

/** The sessions of a responder, by their ids: where a `JOIN` finds its own. */
export class Sessions {
  readonly #sessions = new Map<string, Stripes>()
  /** Stands in for the secret of a session that is not there, so that a stranger's guess takes the same steps (M38). */
  readonly #nobody = randomBytes(32)

  add(stripes: Stripes): void {
    this.#sessions.set(keyOf(stripes.sessionId), stripes)
  }

  delete(stripes: Stripes): void {
    this.#sessions.delete(keyOf(stripes.sessionId))
  }

  /**
   * Checks the body of a `JOIN` and takes its number, at the cost of one HMAC (M38).
   *
   * @throws SftError ERR_SFT_ENCODING; ERR_SFT_HANDSHAKE for every other reason alike.
   */
  admit(body: Uint8Array): { stripes: Stripes; number: number; random: Uint8Array } {
    const { sessionId, stripe, random, mac } = joinRequest.decode(body)
    const stripes = this.#sessions.get(keyOf(sessionId))
    const expected = joinMac(stripes?.secret ?? this.#nobody, sessionId, stripe, random)
    if (!timingSafeEqual(mac, expected) || !stripes?.reserve(stripe)) {
      throw new SftError('ERR_SFT_HANDSHAKE', 'the stripe is of no session here')
    }
    return { stripes, number: stripe, random }
  }
}

/**
 * Initiator: asks for stripe `number` of the session, which it has reserved.
 *
 * @throws SftError ERR_SFT_CONNECTION_LOST when the peer refuses, which is a close.
 */
export async function requestJoin(channel: HandshakeChannel, stripes: Stripes, number: number): Promise<StripeKeys> {
  const random = randomBytes(RANDOM_BYTES)
  const { sessionId, secret } = stripes
  const mac = joinMac(secret, sessionId, number, random)
  const secrets = stripeSecrets(secret, number, random)
  // JOIN: session id, stripe, random, MAC
  await channel.send('JOIN', joinRequest.encode({ sessionId, stripe: number, random, mac }))
  const keys = {
    sending: channel.sealUnder(stripes.suite, secrets.c_st),
    receiving: channel.openUnder(stripes.suite, secrets.s_st)
  }
  // JOIR: nothing but that it opens
  empty(await channel.receive())
  return keys
}

/** Responder: the keys of a stripe that was admitted. */
export function acceptJoin(
  channel: HandshakeChannel,
  { stripes, number, random }: { stripes: Stripes; number: number; random: Uint8Array }
): StripeKeys {
  const secrets = stripeSecrets(stripes.secret, number, random)
  return {
    sending: channel.sealUnder(stripes.suite, secrets.s_st),
    receiving: channel.openUnder(stripes.suite, secrets.c_st)
  }
}

function joinMac(secret: Uint8Array, sessionId: Uint8Array, stripe: number, random: Uint8Array): Uint8Array {
  return hmac(secret, LABEL, sessionId, Uint8Array.of(stripe), random)
}

function keyOf(sessionId: Uint8Array): string {
  return Buffer.from(sessionId).toString('latin1')
}
