import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Authority, bookId, type ListSigner } from '../authority/authority.ts'
import type { AuthStore, StoredIssuer, StoredList } from '../authority/store/store.ts'
import type { RevokedEntry } from '../certificates/crl.ts'

/** The revocation lists of an organisation (SPEC §4.5): signed when something was revoked, and every hour. */

/** Milliseconds that a list counts for, by default. */
const LIST_LIFE_MS = 24 * 3_600_000
/** Milliseconds after which one with the same content is signed again; a short-lived one after a 24th of its life. */
const RENEW_AFTER_MS = 3_600_000
/** Milliseconds between two looks at what is revoked, by whichever process or server. */
const LOOK_EVERY_MS = 2000

/** A list, and of whom it is. */
export interface PublishedList {
  readonly issuer: StoredIssuer
  readonly list: StoredList
}

export interface ListKeeper {
  /** The list of the CA that issues. */
  readonly latest: StoredList
  /** Of every CA whose list is still good. */
  readonly all: readonly PublishedList[]
  /** Changes with any of them. */
  readonly tag: string
  /** Looks at once. */
  refresh(): Promise<void>
  /** Waits for a list with a number above `number`, at most `ms`; the latest in any case. */
  after(number: number, ms: number): Promise<StoredList>
  /** Waits for another tag than this one, at most `ms`. */
  changed(tag: string, ms: number): Promise<void>
  stop(): void
}

export interface ListOptions {
  /** Asked at each look. */
  readonly authority: () => Authority | Promise<Authority>
  readonly store: AuthStore
  /** Told of a look that failed; the next one may succeed. */
  readonly onFault: (error: unknown) => void
  /** Milliseconds that a list counts for; 24 hours by default. */
  readonly life?: number | undefined
  /** Milliseconds; 2,000 by default. */
  readonly every?: number | undefined
}

/**
 * Publishes the list that the store calls for: the next number when its content has changed or it is due, the latest otherwise. Servers of one
 * store agree on it.
 *
 * @throws SftError ERR_SFT_STORE, ERR_SFT_LIMIT.
 */
export function publishList(
  { issuerId, sign }: ListSigner,
  store: AuthStore,
  { now = new Date(), life = LIST_LIFE_MS }: { now?: Date; life?: number | undefined } = {}
): Promise<StoredList> {
  return store.lists.publish(issuerId, (entries, latest) => {
    const digest = digestOf(entries)
    const age = latest === undefined ? Number.POSITIVE_INFINITY : now.getTime() - latest.thisUpdate.getTime()
    if (latest?.digest === digest && age < Math.min(RENEW_AFTER_MS, life / 24)) return undefined
    const number = (latest?.number ?? 0) + 1
    // a clock that was set back must not make a list that looks older than the one before
    const thisUpdate = age < 0 ? (latest as StoredList).thisUpdate : now
    const nextUpdate = new Date(thisUpdate.getTime() + life)
    return () => ({
      issuer: issuerId,
      number,
      thisUpdate,
      nextUpdate,
      der: sign({ number, thisUpdate, nextUpdate, entries }),
      digest
    })
  })
}

/** Signs and publishes for every CA that has certificates which are not over, and for the one that issues. */
async function publishAll(authority: Authority, store: AuthStore, life: number | undefined): Promise<void> {
  const { signers, root, rootList } = authority
  for (const [index, signer] of signers.entries()) {
    if (index > 0 && !(await store.lists.isNeeded(signer.issuerId))) continue
    await store.lists.addIssuer({ id: signer.issuerId, der: Uint8Array.from(signer.certificate.raw) })
    await publishList(signer, store, { life })
  }
  if (rootList === undefined) return
  const { der, list } = rootList
  const issuer = bookId(root)
  await store.lists.addIssuer({ id: issuer, der: Uint8Array.from(root.raw) })
  const { number, thisUpdate, nextUpdate } = list
  const stored = { issuer, number, thisUpdate, nextUpdate, der, digest: digestOf(list.entries) }
  await store.lists.publish(issuer, (_, latest) => (number > (latest?.number ?? 0) ? () => stored : undefined))
}

/** Keeps the lists at hand until `stop`. @throws SftError ERR_SFT_STORE, ERR_SFT_LIMIT. */
export async function keepLists(options: ListOptions): Promise<ListKeeper> {
  const { store, onFault, every = LOOK_EVERY_MS } = options
  const known = new Map<string, PublishedList>()
  let issuing = ''
  let tag = ''
  let news = Promise.withResolvers<void>()
  const refresh = async (): Promise<void> => {
    const authority = await options.authority()
    await publishAll(authority, store, options.life)
    await readPublished(store, known)
    issuing = authority.signers[0].issuerId
    const next = tagOf(known)
    if (next === tag) return
    tag = next
    news.resolve()
    news = Promise.withResolvers<void>()
  }
  await refresh()
  let stopped = false
  const look = async (): Promise<void> => {
    await refresh().catch(onFault)
    if (!stopped) timer = setTimeout(look, every).unref()
  }
  let timer = setTimeout(look, every).unref()
  const latest = (): StoredList => (known.get(issuing) as PublishedList).list
  /** Waits while something holds, at most `ms`. */
  const wait = async (holds: () => boolean, ms: number): Promise<void> => {
    const over = new AbortController()
    const end = delay(ms, undefined, { signal: over.signal }).catch(() => undefined)
    let expired = false
    void end.then(() => {
      expired = true
    })
    while (holds() && !expired && !stopped) await Promise.race([news.promise, end])
    over.abort()
  }
  return {
    get latest() {
      return latest()
    },
    get all() {
      return [...known.values()].filter(({ list }) => list.nextUpdate.getTime() > Date.now())
    },
    get tag() {
      return tag
    },
    refresh,
    async after(number, ms) {
      await wait(() => latest().number <= number, ms)
      return latest()
    },
    changed: (seen, ms) => wait(() => tag === seen, ms),
    stop() {
      stopped = true
      clearTimeout(timer)
      news.resolve()
    }
  }
}

/** Reads what is new, whoever has signed it. */
async function readPublished(store: AuthStore, known: Map<string, PublishedList>): Promise<void> {
  for (const [id, number] of await store.lists.numbers()) {
    if (number <= (known.get(id)?.list.number ?? 0)) continue
    const [issuer, list] = [await store.lists.issuer(id), await store.lists.latest(id)]
    if (issuer && list) known.set(id, { issuer, list })
  }
}

function tagOf(known: ReadonlyMap<string, PublishedList>): string {
  const numbers = [...known].map(([id, { list }]) => `${id} ${list.number}\n`).sort()
  return createHash('sha256').update(numbers.join('')).digest('hex').slice(0, 32)
}

/** Of what a list says, apart from its number and its times. */
function digestOf(entries: readonly RevokedEntry[]): string {
  const hash = createHash('sha256')
  for (const { serial, at, reason } of entries) hash.update(`${serial} ${at.getTime()} ${reason}\n`)
  return hash.digest('hex')
}
