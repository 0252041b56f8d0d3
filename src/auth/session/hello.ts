import { randomBytes, randomInt } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { MAX_CHUNK_SIZE, MIN_CHUNK_SIZE, SUITE_IDS, type Suite } from '../../workers/construction.ts'
import { type Hello, hello, helloReply } from './handshake-messages.ts'
import {
  answerShares,
  finishShares,
  GROUP_IDS,
  type Group,
  makeShares,
  publicShares,
  type Shares
} from './key-exchange.ts'

/** The two messages that agree on everything else (SPEC §6, 1 and 2). */

const VERSION = 1
const RANDOM_BYTES = 32
const MIN_CHUNK_POWER = Math.log2(MIN_CHUNK_SIZE)
const MAX_CHUNK_POWER = Math.log2(MAX_CHUNK_SIZE)

/** What a side is willing to use; lists in the order of its preference. */
export interface Terms {
  readonly suites: readonly Suite[]
  readonly groups: readonly Group[]
  /** Largest chunk size as a power of two. */
  readonly chunkPower: number
}

/** An offer and what is needed to understand its answer. */
export interface Offer {
  readonly body: Uint8Array
  readonly terms: Terms
  readonly shares: Shares
}

export interface Agreement {
  readonly suite: Suite
  readonly group: Group
  /** Shared secret (SPEC §5); whoever takes it zeroes it. */
  readonly z: Uint8Array
}

/** HELO: versions, suites, groups, random, X25519 share, ML-KEM-768 encapsulation key if offered, largest chunk size. */
export async function makeOffer(terms: Terms): Promise<Offer> {
  const shares = await makeShares(terms.groups)
  const { x25519, kem } = publicShares(shares)
  const body = hello.encode({
    versions: withGrease([VERSION]),
    suites: withGrease(terms.suites.map(suite => SUITE_IDS[suite])),
    groups: withGrease(terms.groups.map(group => GROUP_IDS[group])),
    random: randomBytes(RANDOM_BYTES),
    x25519,
    kemKey: kem,
    chunkPower: terms.chunkPower
  })
  return { body, terms, shares }
}

/**
 * HELR: version, suite, group, random, X25519 share, ML-KEM-768 ciphertext in the hybrid group. The first entry of the
 * initiator's lists that this side supports is taken.
 *
 * @throws SftError ERR_SFT_VERSION; ERR_SFT_HANDSHAKE for an offer that is inconsistent or has nothing in common.
 */
export async function answerOffer(
  body: Uint8Array,
  terms: Terms
): Promise<Agreement & { body: Uint8Array; chunkPower: number }> {
  const offer = hello.decode(body)
  checkOffer(offer)
  const suite = firstSupported(offer.suites, terms.suites, SUITE_IDS)
  const group = firstSupported(offer.groups, terms.groups, GROUP_IDS)
  if (suite === undefined || group === undefined) throw refused('the peers have no suite or group in common')
  const { answer, z } = await answerShares(group, { x25519: offer.x25519, kem: offer.kemKey })
  const reply = helloReply.encode({
    version: VERSION,
    suite: SUITE_IDS[suite],
    group: GROUP_IDS[group],
    random: randomBytes(RANDOM_BYTES),
    x25519: answer.x25519,
    kemCiphertext: answer.kem
  })
  return { suite, group, z, body: reply, chunkPower: checkChunkPower(offer.chunkPower) }
}

/**
 * Takes the answer to an offer: version, suite and group have to be ones that were offered (M19); a GREASE value was not meant.
 *
 * @throws SftError ERR_SFT_VERSION; ERR_SFT_HANDSHAKE for a choice that was not offered.
 */
export function acceptAnswer({ terms, shares }: Offer, body: Uint8Array): Agreement {
  const reply = helloReply.decode(body)
  if (reply.version !== VERSION) throw new SftError('ERR_SFT_VERSION', 'the peer chose another version')
  const suite = firstSupported([reply.suite], terms.suites, SUITE_IDS)
  const group = firstSupported([reply.group], terms.groups, GROUP_IDS)
  if (suite === undefined || group === undefined) throw refused('the peer chose what was not offered')
  if ((group === 'x25519mlkem768') !== (reply.kemCiphertext !== undefined)) throw refused('the answer is inconsistent')
  return { suite, group, z: finishShares(group, shares, { x25519: reply.x25519, kem: reply.kemCiphertext }) }
}

/** A largest chunk size from the peer; a later version may know larger ones than we do, none smaller ones. */
export function checkChunkPower(power: number): number {
  if (power < MIN_CHUNK_POWER) throw refused('the largest chunk size is out of range')
  return Math.min(power, MAX_CHUNK_POWER)
}

function checkOffer(offer: Hello): void {
  if (!offer.versions.includes(VERSION)) throw new SftError('ERR_SFT_VERSION', 'the peer does not speak version 1')
  const hybrid = offer.groups.includes(GROUP_IDS.x25519mlkem768)
  if (hybrid !== (offer.kemKey !== undefined)) throw refused('the offer is inconsistent')
}

function firstSupported<Name extends string>(
  offered: readonly number[],
  supported: readonly Name[],
  ids: Readonly<Record<Name, number>>
): Name | undefined {
  const names = new Map(supported.map(name => [ids[name], name]))
  return offered.map(id => names.get(id)).find(name => name !== undefined)
}

/** Puts one reserved value somewhere, so that readers stay used to values they do not know (RFC 8701). */
function withGrease(list: readonly number[]): number[] {
  return list.toSpliced(randomInt(list.length + 1), 0, randomInt(16) * 0x1010 + 0x0a0a)
}

function refused(message: string): SftError {
  return new SftError('ERR_SFT_HANDSHAKE', message)
}
