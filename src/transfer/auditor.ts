import { createHash } from 'node:crypto'
import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { AuditEvent } from '../auth/identity/audit-chain.ts'
import { SftError } from '../streams/errors.ts'
import type { Source } from '../streams/types.ts'
import type { AuditLog } from './audit-log.ts'
import { type Destination, through } from './destination.ts'
import type { Denial } from './guarded.ts'
import type { ListenEvent } from './listen.ts'
import type { Outgoing } from './outgoing.ts'

/** What a session is moving, and the SHA-256 of it once it has passed. */
interface Underway {
  readonly path: string
  sha256?: string
}

/**
 * Writes the audit of one listener (SPEC §8.3): each session of a member, each transfer with the SHA-256 of its bytes, what failed and why, what was
 * refused. It stands at the ends of the pipeline; strangers, who could fill the disk, are not in it.
 */
export class Auditor {
  readonly #log: AuditLog
  readonly #onFault: (error: unknown) => void
  readonly #underway = new WeakMap<PeerIdentity, Underway>()

  constructor(log: AuditLog, onFault: (error: unknown) => void) {
    this.#log = log
    this.#onFault = onFault
  }

  /** @throws SftError ERR_SFT_FILE once a line could not be written. */
  check(): void {
    this.#log.check()
  }

  session(peer: PeerIdentity): void {
    this.#write({ type: 'handshake', result: 'accepted', ...whois(peer) })
  }

  /** The same file; its bytes are hashed as they leave. */
  outgoing<T extends Outgoing>(outgoing: T, path: string, peer: PeerIdentity): T {
    const underway = this.#begin(path, peer)
    return { ...outgoing, source: (signal, start) => hashed(outgoing.source(signal, start), underway) }
  }

  /** The same destination; its bytes are hashed as they come. */
  destination(destination: Destination, path: string, peer: PeerIdentity): Destination {
    const underway = this.#begin(path, peer)
    return through(destination, sink => source => sink(hashed(source, underway)))
  }

  event(event: ListenEvent | Denial): void {
    if (event.type === 'denied') {
      const { identity, action, path, size } = event
      this.#write({ type: 'deny', ...whois(identity), action, path, ...(size !== undefined && { bytes: size }) })
    } else if (event.type === 'transfer') {
      this.#transfer(event)
    } else if (event.identity !== undefined) {
      const { path } = this.#underway.get(event.identity) ?? {}
      const reason = SftError.is(event.error) ? event.error.code : 'ERR_SFT_INTERNAL'
      this.#write({ type: 'session', result: 'failed', reason, ...whois(event.identity), path })
    }
  }

  #transfer(event: ListenEvent & { type: 'transfer' }): void {
    const { identity, direction, bytes, resumedAt, kind, content, renamed } = event
    const from = resumedAt > 0 ? { from: resumedAt } : {}
    const { path, sha256 } = this.#underway.get(identity) ?? {}
    const named = content === undefined ? { path } : {}
    const moved = { direction, ...named, ...(renamed && { renamed }), bytes, ...from, sha256 }
    this.#write({ type: content ?? 'transfer', result: kind, ...whois(identity), ...moved })
  }

  #begin(path: string, peer: PeerIdentity): Underway {
    const underway = { path }
    this.#underway.set(peer, underway)
    return underway
  }

  #write(event: AuditEvent): void {
    this.#log.append(event).catch(this.#onFault)
  }
}

function whois({ name, certificates }: PeerIdentity): { peer: string; serial: string | undefined } {
  return { peer: name, serial: certificates[0]?.serial }
}

async function* hashed(source: Source<Uint8Array>, underway: Underway): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const piece of source) {
    // before it is handed over
    hash.update(piece)
    yield piece
  }
  underway.sha256 = hash.digest('hex')
}
