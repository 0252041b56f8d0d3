import { setTimeout as delay } from 'node:timers/promises'
import { SftError } from '../../streams/errors.ts'
import { MAX_CRL } from '../certificates/crl.ts'
import { decodePem } from '../certificates/pem.ts'
import type { PublicIdentity } from '../identity/identity.ts'
import type { Revocations } from '../identity/revocations.ts'
import { type AuthServerOfMember, parseAnswer, requestAuth } from './auth-client.ts'
import { parseUrl } from './login.ts'

/** How a peer keeps up with the revocation lists of its auth server (SPEC §4.8). */

export interface FetchListsOptions extends AuthServerOfMember {
  /** Where they go; `identity.revocations` by default. */
  readonly revocations?: Revocations | undefined
}

export interface FollowListsOptions extends FetchListsOptions {
  /** Told when the server can not be asked, once until it can again. */
  readonly onFault?: (error: unknown) => void
  /** Called before each question, such as to take what other processes have learnt. */
  readonly onTurn?: () => Promise<void>
}

/** Bytes of the largest answer: 16 issuers, of whom few have long lists. */
const MAX_ANSWER = 8 * MAX_CRL
/** Seconds that the server holds a question until there is news, and ms beyond which the answer is late. */
const WAIT_S = 50
const ANSWER_MS = 15_000
/** Milliseconds until the next try after a failure: doubled each time, and drawn from the upper half. */
const FIRST_PAUSE_MS = 1000
const LAST_PAUSE_MS = 30_000

/**
 * Asks the auth server for the lists once, and learns them. Memory: one answer of at most 8 MiB.
 *
 * @param identity borrowed
 * @throws SftError ERR_SFT_CONNECT, ERR_SFT_CONNECTION_LOST, ERR_SFT_TIMEOUT, ERR_SFT_LIMIT, ERR_SFT_PROTOCOL, ERR_SFT_CANCELLED; ERR_SFT_CERT_* and
 *   ERR_SFT_CRL for a list that is not the organisation's.
 */
export async function fetchLists(identity: PublicIdentity, options: FetchListsOptions): Promise<void> {
  await ask(identity, options, undefined)
}

/**
 * Keeps learning the lists as they are signed, until `options.signal`: within seconds while the server can be reached. Resolves then; never rejects.
 * Keeps no process alive by its pauses, only by a question that is asked.
 */
export async function followLists(identity: PublicIdentity, options: FollowListsOptions): Promise<void> {
  const { signal, onFault = () => {}, onTurn = async () => {} } = options
  let tag: string | undefined
  let failures = 0
  while (!signal?.aborted) {
    try {
      await onTurn()
      tag = await ask(identity, options, tag)
      failures = 0
    } catch (error) {
      if (signal?.aborted) return
      if (failures === 0) onFault(error)
      await pause(failures++, signal)
    }
  }
}

/** One question; with a tag it is answered when there is another, or after 50 s. Returns the tag of what is known then. */
async function ask(
  identity: PublicIdentity,
  options: FetchListsOptions,
  tag: string | undefined
): Promise<string | undefined> {
  const { revocations = identity.revocations } = options
  const url = parseUrl(options.url)
  const waits = tag === undefined ? {} : { timeout: WAIT_S * 1000 + ANSWER_MS }
  const question = tag === undefined ? {} : { headers: { 'if-none-match': tag } }
  const path = `/v2/lists${tag === undefined ? '' : `?wait=${WAIT_S}`}`
  const connection = { timeout: ANSWER_MS, ...options, ...waits, url, root: identity.root }
  const answer = await requestAuth(connection, { method: 'GET', path, maxAnswer: MAX_ANSWER, ...question })
  if (answer.status === 304) return tag
  if (answer.status !== 200) throw new SftError('ERR_SFT_PROTOCOL', `the auth server answered ${answer.status}`)
  for (const { issuer, list } of listsOf(answer.body))
    await revocations?.learn(decodePem('X509 CRL', list), decodePem('CERTIFICATE', issuer))
  return answer.headers.etag
}

function listsOf(body: Buffer): { issuer: string; list: string }[] {
  const { lists } = parseAnswer(body)
  if (Array.isArray(lists) && lists.every(isEntry)) return lists
  throw new SftError('ERR_SFT_PROTOCOL', 'the answer of the auth server holds no lists')
}

function isEntry(each: unknown): each is { issuer: string; list: string } {
  const { issuer, list } = (each ?? {}) as Record<string, unknown>
  return typeof issuer === 'string' && typeof list === 'string'
}

async function pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const longest = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10))
  const options = { ref: false, ...(signal ? { signal } : {}) }
  await delay(longest * (0.5 + Math.random() / 2), undefined, options).catch(() => undefined)
}
