import type { Engine, PeerEntry, ServingPeer } from '../../index.ts'
import { authUrl, directoryOf } from '../directory.ts'

/** Who is there: the peer book, and what the directory said last. */

/** ms after which it is asked again. */
const FRESH_MS = 5000

export interface Neighbourhood {
  readonly book: readonly PeerEntry[]
  readonly serving: readonly ServingPeer[]
  /** Why the directory has not been asked. */
  readonly fault?: Error
}

export class Neighbours {
  readonly #engine: Engine
  #known: Neighbourhood = { book: [], serving: [] }
  #asked = Number.NEGATIVE_INFINITY

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Asks the book and the directory. @throws SftError for a book that can not be read. */
  async look(): Promise<Neighbourhood> {
    const { dataDirectory, listPeers } = await import('../../index.ts')
    const book = await listPeers(dataDirectory(process.env), this.#engine.identity)
    const { serving } = this.#known
    this.#known = await this.#serving().then(
      found => ({ book, serving: found }),
      (fault: Error) => ({ book, serving, fault })
    )
    return this.#known
  }

  /** Names for Tab, which does not wait: as of the last look, after which there is another one. */
  names(kind: ServingPeer['kind']): readonly string[] {
    this.refresh()
    const { book, serving } = this.#known
    const usable = book.filter(entry => 'peer' in entry)
    return [...new Set([...usable, ...serving.filter(each => each.kind === kind)].map(({ name }) => name))].sort()
  }

  /** Looks, unless that was a moment ago. */
  refresh(): void {
    if (performance.now() - this.#asked < FRESH_MS) return
    this.#asked = performance.now()
    // whoever asks for the list is told why there is none
    this.look().catch(() => {})
  }

  async #serving(): Promise<readonly ServingPeer[]> {
    const { listServing } = await import('../../index.ts')
    const url = await authUrl()
    const { identity, signal } = this.#engine
    return url === undefined ? [] : listServing(identity, { ...directoryOf(url), signal })
  }
}
