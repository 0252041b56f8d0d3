import type { X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import { type RevocationList, type RevocationReason, readCrl } from '../certificates/crl.ts'
import { CLOCK_SKEW, issuerIdOf, type PeerIdentity, verifyIssuer } from '../certificates/path.ts'

/** What one knows of who is revoked: the latest list of each issuer of the organisation (SPEC §4.8). */

/** A list that has been verified, and of whom it is. */
export interface KnownList {
  /** Key identifier of its issuer, 20 bytes in hex. */
  readonly issuerId: string
  /** DER of the issuing CA's certificate, or of the root's. */
  readonly issuer: Uint8Array
  /** DER as it was signed. */
  readonly der: Uint8Array
  readonly list: RevocationList
}

/** What became of a list that was brought. */
export interface Learnt {
  readonly issuerId: string
  readonly number: number
  readonly news: boolean
}

export interface RevocationsOptions {
  /** Called with each list that was learnt, to keep it. */
  readonly keep?: ((known: KnownList) => Promise<void>) | undefined
}

/** Issuers whose lists are held at once: a rotation a month leaves room. */
const MAX_ISSUERS = 16

/** The lists of one organisation. Memory: at most 16 lists of 1 MiB, and their serial numbers. */
export class Revocations {
  readonly #root: X509Certificate
  readonly #rootId: string
  readonly #keep: RevocationsOptions['keep']
  readonly #lists = new Map<string, KnownList>()
  readonly #revoked = new Map<string, ReadonlyMap<string, RevocationReason>>()
  readonly #watchers = new Set<() => void>()

  constructor(root: X509Certificate, options: RevocationsOptions = {}) {
    this.#root = root
    this.#rootId = issuerIdOf(root)
    this.#keep = options.keep
  }

  /** All lists, in the order of their issuers. */
  get lists(): readonly KnownList[] {
    return [...this.#lists.values()].sort((a, b) => (a.issuerId < b.issuerId ? -1 : 1))
  }

  get(issuerId: string): KnownList | undefined {
    return this.#lists.get(issuerId)
  }

  /** CRL number of an issuer's list; 0 when there is none. */
  numberOf(issuerId: string): number {
    return this.#lists.get(issuerId)?.list.number ?? 0
  }

  /**
   * Takes a list unless one with its number or a higher one is known (M53); whoever brought it. Resolves once it is kept.
   *
   * @param der copied
   * @param issuer DER of the CA that signed it, copied
   * @returns whose list it is, its number, and whether it was news
   * @throws SftError ERR_SFT_CERT_* for an issuer that is none of the organisation, ERR_SFT_CRL for a list that is not its own.
   */
  async learn(der: Uint8Array, issuer: Uint8Array): Promise<Learnt> {
    const certificate = verifyIssuer(issuer, { root: this.#root })
    const issuerId = issuerIdOf(certificate)
    const list = readCrl(der, certificate)
    const { number } = list
    if (number <= this.numberOf(issuerId) || !this.#hasRoom(issuerId)) return { issuerId, number, news: false }
    const known = { issuerId, issuer: Uint8Array.from(issuer), der: Uint8Array.from(der), list }
    this.#lists.set(issuerId, known)
    this.#revoked.set(issuerId, new Map(list.entries.map(({ serial, reason }) => [serial, reason])))
    await this.#keep?.(known)
    for (const tell of [...this.#watchers]) tell()
    return { issuerId, number, news: true }
  }

  /**
   * Refuses a peer whose certificate, or whose issuing CA's, is revoked, and one about whom nothing current is known (M52). The root's own list is
   * taken at any age, since its key may be kept off line.
   *
   * @param options.known false when a newer list is on its way: its absence is then no fault.
   * @throws SftError ERR_SFT_CERT_REVOKED, ERR_SFT_CRL.
   */
  check({ certificates }: PeerIdentity, options: { now?: Date | undefined; known?: boolean } = {}): void {
    const { now = new Date(), known = true } = options
    const reasons = certificates.map(({ issuer, serial }) => this.#revoked.get(issuer)?.get(serial))
    const reason = reasons.find(each => each !== undefined)
    if (reason !== undefined) throw new SftError('ERR_SFT_CERT_REVOKED', `the certificate is revoked: ${reason}`)
    const issuerId = certificates[0]?.issuer as string
    if (known && issuerId !== this.#rootId && !this.isCurrent(issuerId, now)) {
      const hint = 'is the auth server reachable?'
      throw new SftError('ERR_SFT_CRL', 'no revocation list is known that is still good', { hint })
    }
  }

  /** True while the list of an issuer counts (M46). */
  isCurrent(issuerId: string, now = new Date()): boolean {
    const end = this.#lists.get(issuerId)?.list.nextUpdate.getTime() ?? Number.NEGATIVE_INFINITY
    return now.getTime() <= end + CLOCK_SKEW
  }

  /** Calls back after each list that was learnt, until the function that it returns is called. */
  watch(tell: () => void): () => void {
    this.#watchers.add(tell)
    return () => this.#watchers.delete(tell)
  }

  /** Room is made by issuers whose time is over: their certificates are, too. */
  #hasRoom(issuerId: string): boolean {
    if (this.#lists.has(issuerId) || this.#lists.size < MAX_ISSUERS) return true
    const over = [...this.#lists.values()].find(({ list }) => list.nextUpdate.getTime() + CLOCK_SKEW < Date.now())
    if (over === undefined) return false
    this.#revoked.delete(over.issuerId)
    return this.#lists.delete(over.issuerId)
  }
}
