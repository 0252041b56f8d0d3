import { type KeyObject, timingSafeEqual, X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import type { ReceivedFrame } from '../../streams/types.ts'
import type { Suite } from '../../workers/construction.ts'
import { hmac } from '../../workers/hkdf.ts'
import { isAcceptableKey } from '../certificates/keys.ts'
import { decodeChain, encodeChain, type PeerIdentity } from '../certificates/path.ts'
import { signPss, verifyPss } from '../certificates/signature.ts'
import type { Identity } from '../identity/identity.ts'
import { refusalFor, refusedByPeer } from './faults.ts'
import type { HandshakeChannel } from './handshake-channel.ts'
import { certificates, refusal, sessionBegins } from './handshake-messages.ts'
import { acceptAnswer, answerOffer, checkChunkPower, makeOffer, type Terms } from './hello.ts'
import type { Group } from './key-exchange.ts'
import { type HandshakeSecrets, handshakeSecrets, type SessionSecrets, sessionSecrets, zero } from './key-schedule.ts'
import { type AnnouncedLists, announce } from './list-exchange.ts'
import { listNumbers } from './list-messages.ts'
import type { RecordKeys } from './records.ts'
import type { Role } from './states.ts'

/**
 * The handshake (SPEC §6): SIGMA-I in the order of mutual TLS 1.3. It sees messages, never a socket. What both sides do alike is
 * written once, with the role as an argument.
 */

const SPACES = Buffer.alloc(64, 0x20)

/** What a peer has proven to say: its chain, and the numbers of its revocation lists. */
export interface Proof {
  readonly chain: readonly Uint8Array[]
  readonly lists: AnnouncedLists
}

/** Decides about a peer that has proven its key: path check, name, revocation, policy. Throws, or says who it is. */
export type Admission = (proof: Proof) => PeerIdentity | Promise<PeerIdentity>

/** What a session works with; exporter, session id and `join` have 32 bytes each; the session zeroes the exporter and `join`. */
export interface SessionKeys {
  readonly sending: RecordKeys
  readonly receiving: RecordKeys
  readonly exporter: Uint8Array
  readonly sessionId: Uint8Array
  readonly join: Uint8Array
}

/** What two sides share after a handshake. */
export interface Established extends SessionKeys {
  readonly peer: PeerIdentity
  readonly suite: Suite
  readonly group: Group
  /** The peer's largest chunk size as a power of two; an initiator learns it with `RSCV`. */
  readonly chunkPower: number | undefined
  readonly lists: AnnouncedLists
}

/** Runs the initiator's side up to its `SECF`; the first request may follow at once. */
export async function initiate(
  channel: HandshakeChannel,
  identity: Identity,
  terms: Terms,
  admit: Admission
): Promise<Established> {
  const offer = await makeOffer(terms)
  await channel.send('HELO', offer.body)
  const agreed = acceptAnswer(offer, (await channel.receive()).body)
  const { suite, group } = agreed
  const secrets = handshakeSecrets(suite, group, agreed.z, channel.hash())
  try {
    channel.sealUnder(suite, secrets.c_hs)
    channel.openUnder(suite, secrets.s_hs)
    const ours = announce(identity.revocations)
    const proof = await receiveProof(channel, 'responder', secrets, ours)
    const peer = await admitOrRefuse(channel, admit, proof)
    await sendProof(channel, 'initiator', identity, secrets, ours)
    const session = startSession(channel, suite, sessionSecrets(secrets.derived, channel.hash()))
    return { peer, suite, group, chunkPower: undefined, lists: proof.lists, ...session }
  } finally {
    zero(agreed.z, ...Object.values(secrets))
  }
}

/**
 * Runs the responder's side up to its `RSCV`.
 *
 * @param hello body of the `HELO` that was received first
 */
export async function respond(
  channel: HandshakeChannel,
  identity: Identity,
  terms: Terms,
  admit: Admission,
  hello: Uint8Array
): Promise<Established> {
  const { body, chunkPower, ...agreed } = await answerOffer(hello, terms)
  await channel.send('HELR', body)
  const { suite, group } = agreed
  const secrets = handshakeSecrets(suite, group, agreed.z, channel.hash())
  try {
    channel.sealUnder(suite, secrets.s_hs)
    channel.openUnder(suite, secrets.c_hs)
    const ours = announce(identity.revocations)
    await sendProof(channel, 'responder', identity, secrets, ours)
    const proof = await receiveProof(channel, 'initiator', secrets, ours)
    const session = startSession(channel, suite, sessionSecrets(secrets.derived, channel.hash()))
    const peer = await confirm(channel, session, terms, () => admitOrRefuse(channel, admit, proof))
    return { peer, suite, group, chunkPower, lists: proof.lists, ...session }
  } finally {
    zero(agreed.z, ...Object.values(secrets))
  }
}

// RSCV: session id, largest chunk size
async function confirm(
  channel: HandshakeChannel,
  { sessionId, exporter, join }: SessionKeys,
  terms: Terms,
  admit: () => Promise<PeerIdentity>
): Promise<PeerIdentity> {
  try {
    const peer = await admit()
    await channel.send('RSCV', sessionBegins.encode({ sessionId, chunkPower: terms.chunkPower }))
    return peer
  } catch (error) {
    zero(exporter, join)
    throw error
  }
}

/** Reads what an initiator gets for an answer: the peer's largest chunk size as a power of two. */
export function readConfirmation({ type, body }: ReceivedFrame, sessionId: Uint8Array): number {
  if (type === 'RSCI') throw refusedByPeer(body)
  const begins = sessionBegins.decode(body)
  if (Buffer.compare(begins.sessionId, sessionId) !== 0)
    throw new SftError('ERR_SFT_HANDSHAKE', 'the peer confirmed another session')
  return checkChunkPower(begins.chunkPower)
}

/** Sends SECE, SECV and SECF of `role`. */
async function sendProof(
  channel: HandshakeChannel,
  role: Role,
  identity: Identity,
  secrets: HandshakeSecrets,
  ours: AnnouncedLists['ours']
): Promise<void> {
  await channel.send('SECE', writeCertificates(identity, ours))
  await channel.send('SECV', await writeSignature(role, identity.privateKey, channel.hash()))
  await channel.send('SECF', writeMac(role, secrets, channel.hash()))
}

/** Receives SECE, SECV and SECF of `role`: signature, then MAC (M20); the chain is not checked yet. */
async function receiveProof(
  channel: HandshakeChannel,
  role: Role,
  secrets: HandshakeSecrets,
  ours: AnnouncedLists['ours']
): Promise<Proof> {
  const first = await channel.receive()
  if (first.type === 'RSCI') throw refusedByPeer(first.body)
  const { chain, publicKey, theirs } = readCertificates(first.body)
  const signed = channel.hash()
  readSignature(role, publicKey, signed, (await channel.receive()).body)
  const authenticated = channel.hash()
  readMac(role, secrets, authenticated, (await channel.receive()).body)
  return { chain, lists: { ours, theirs } }
}

// SECE: chain, CRL numbers of a side that takes lists
function writeCertificates(identity: Identity, ours: AnnouncedLists['ours']): Uint8Array {
  return certificates.encode({ chain: encodeChain(identity.chain), crlNumbers: ours && listNumbers.encode(ours) })
}

/** The key is used before its chain is checked, so its form and size are checked here, before it costs anything. */
function readCertificates(body: Uint8Array) {
  const message = certificates.decode(body)
  const theirs = message.crlNumbers && listNumbers.decode(message.crlNumbers)
  const chain = decodeChain(message.chain)
  const publicKey = leafKey(chain[0] as Uint8Array)
  if (isAcceptableKey(publicKey)) return { chain, publicKey, theirs }
  throw new SftError('ERR_SFT_CERT_USAGE', 'the key of the certificate is out of range')
}

function leafKey(der: Uint8Array): KeyObject {
  try {
    return new X509Certificate(der).publicKey
  } catch (cause) {
    throw new SftError('ERR_SFT_CERT_INVALID', 'the certificate is malformed', { cause })
  }
}

// SECV: PSS over 64 spaces, the role, a zero byte and the transcript up to this side's SECE
function writeSignature(role: Role, key: KeyObject, th: Uint8Array): Promise<Uint8Array> {
  return signPss(key, signedText(role, th))
}

function readSignature(role: Role, key: KeyObject, th: Uint8Array, signature: Uint8Array): void {
  if (verifyPss(key, signedText(role, th), signature)) return
  throw new SftError('ERR_SFT_HANDSHAKE', 'the signature of the peer does not verify')
}

/** The role in it stops reflection (RFC 8446 §4.4.3). */
function signedText(role: Role, th: Uint8Array): Uint8Array {
  return Buffer.concat([SPACES, Buffer.from(`sft/1 ${role}\0`, 'latin1'), th])
}

// SECF: HMAC over the transcript up to this side's SECV
function writeMac(role: Role, secrets: HandshakeSecrets, th: Uint8Array): Uint8Array {
  const key = role === 'initiator' ? secrets.c_fin : secrets.s_fin
  return hmac(key, th)
}

function readMac(role: Role, secrets: HandshakeSecrets, th: Uint8Array, mac: Uint8Array): void {
  const expected = writeMac(role, secrets, th)
  if (mac.byteLength === expected.byteLength && timingSafeEqual(mac, expected)) return
  throw new SftError('ERR_SFT_HANDSHAKE', 'the MAC of the peer does not verify')
}

/** Moves to the keys of the session. */
function startSession(channel: HandshakeChannel, suite: Suite, secrets: SessionSecrets): SessionKeys {
  const initiator = channel.role === 'initiator'
  return {
    sending: channel.sealUnder(suite, initiator ? secrets.c_ap : secrets.s_ap),
    receiving: channel.openUnder(suite, initiator ? secrets.s_ap : secrets.c_ap),
    exporter: secrets.exp,
    sessionId: secrets.sid,
    join: secrets.join
  }
}

/** Signature and MAC hold: from here on a refusal is said, under the newest key (SPEC §6). */
async function admitOrRefuse(channel: HandshakeChannel, admit: Admission, proof: Proof): Promise<PeerIdentity> {
  try {
    return await admit(proof)
  } catch (error) {
    // RSCI: one byte. Whether the peer hears it or only sees the close, the reason here stays the same.
    await Promise.allSettled([channel.send('RSCI', refusal.encode(refusalFor(error)))])
    throw error
  }
}
