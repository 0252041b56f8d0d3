import { randomUUID } from 'node:crypto'
import type { PeerIdentity } from '../auth/certificates/path.ts'
import { type Content, type EventOptions, failureOf, type Tell, tellerOf } from './events.ts'
import type { Denial } from './guarded.ts'
import type { ListenEvent } from './listen.ts'
import { MESSAGE } from './message.ts'
import type { MeteredStage } from './meter.ts'
import type { Outgoing } from './outgoing.ts'
import type { Answers, Offer } from './requests.ts'
import { TREE } from './tree/entry.ts'
import type { FilterOptions } from './tree/filter.ts'
import type { TreeOptions } from './tree/tree-source.ts'
import { Watch } from './watch.ts'

type Accept = NonNullable<Answers['accept']>

/** Watches the transfers of one listener: each from the moment at which a peer's request is granted. A session has one at a time. */
export class Watches {
  readonly #id = randomUUID()
  readonly #options: EventOptions
  readonly #boundBy: (() => MeteredStage | undefined) | undefined
  readonly #underway = new WeakMap<PeerIdentity, Watch>()

  constructor(options: EventOptions, boundBy?: () => MeteredStage | undefined) {
    this.#options = options
    this.#boundBy = boundBy
  }

  listening({ host, port }: { host: string; port: number }): void {
    this.#tell?.({ type: 'listening', id: this.#id, host, port })
  }

  /** The same file; what leaves is told of. */
  outgoing<T extends Outgoing>(outgoing: T, name: string, peer: PeerIdentity): T {
    return this.#begin('sent', { name }, peer)?.outgoing(outgoing) ?? outgoing
  }

  /** The same wishes for a directory that this peer gets; what it leaves out is told of. */
  tree(wanted: FilterOptions, peer: PeerIdentity): TreeOptions {
    return { ...wanted, onOmitted: (path, why) => this.#underway.get(peer)?.omitted(path, why) }
  }

  /** Accepts as before; what comes in is told of. */
  accepting(accept: Accept): Accept {
    return async (offer, peer) => {
      const destination = await accept(offer, peer)
      return this.#begin('received', aboutOffer(offer), peer)?.destination(destination) ?? destination
    }
  }

  event(event: ListenEvent | Denial): void {
    if (event.type === 'denied') this.#denied(event)
    else this.#ended(event)
  }

  #ended(event: ListenEvent): void {
    const watch = event.identity && this.#underway.get(event.identity)
    if (event.identity) this.#underway.delete(event.identity)
    if (event.type === 'transfer') watch?.end(event)
    else if (watch) watch.fail(event.error)
    else this.#fault(event.peer, event.error)
  }

  get #tell(): Tell | undefined {
    return tellerOf(this.#options)
  }

  #begin(
    direction: 'sent' | 'received',
    about: { name: string; size?: number; content?: Content },
    peer: PeerIdentity
  ): Watch | undefined {
    const tell = this.#tell
    if (!tell) return undefined
    const watch = new Watch(tell, { direction, peer: peer.name, ...about }, this.#boundBy)
    this.#underway.set(peer, watch)
    return watch
  }

  #denied({ peer, action, path, size }: Denial): void {
    this.#tell?.({ type: 'denied', id: this.#id, peer, action, path, ...sized({ size }) })
  }

  #fault(peer: string | undefined, error: unknown): void {
    this.#tell?.({ type: 'error', id: this.#id, ...(peer !== undefined && { peer }), error: failureOf(error) })
  }
}

function aboutOffer({ name, size, content }: Offer) {
  const kinds: Record<number, Content> = { [TREE]: 'directory', [MESSAGE]: 'message' }
  const kind = content === undefined ? undefined : kinds[content]
  return { name, ...sized({ size }), ...(kind && { content: kind }) }
}

function sized({ size }: { size?: number | undefined }): { size?: number } {
  return size === undefined ? {} : { size }
}
