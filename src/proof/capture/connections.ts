import { SftError } from '../../streams/errors.ts'
import type { Connection } from '../model.ts'
import { Half } from './half.ts'
import { Losses } from './reassembly.ts'
import { ACK, RST, type Segment, SYN } from './segment.ts'

/** The TCP connections of a capture, as their segments come. */

const MAX_CONNECTIONS = 65_536

/** A connection while its packets come. */
class Open {
  readonly dialler: string
  readonly listener: string
  readonly up = new Half()
  readonly down = new Half()
  syn: number | undefined
  synAck: number | undefined
  ack: number | undefined

  constructor(dialler: string, listener: string) {
    this.dialler = dialler
    this.listener = listener
  }

  take(packet: number, segment: Segment): boolean {
    const up = segment.from === this.dialler
    const [own, other] = up ? [this.up, this.down] : [this.down, this.up]
    this.#shake(packet, up, segment)
    if (!own.take(packet, segment)) return false
    // a reset acknowledges nothing that it has to have seen
    if ((segment.flags & (ACK | RST)) === ACK) other.acknowledge(segment.acknowledged)
    return true
  }

  #shake(packet: number, up: boolean, { flags, acknowledged }: Segment): void {
    const kind = flags & (SYN | ACK | RST)
    if (kind === SYN && up) this.syn ??= packet
    if (kind === (SYN | ACK) && !up) this.synAck ??= packet
    const isAnswered = this.synAck !== undefined && acknowledged === this.down.first
    if (kind === ACK && up && isAnswered) this.ack ??= packet
  }

  /** Whether a SYN is this connection's own, and not the first packet of another between the same ports. */
  isOwn({ from, sequence, flags }: Segment): boolean {
    if ((flags & SYN) === 0) return true
    const half = from === this.dialler ? this.up : this.down
    // both may dial at once; and where nothing has been said, there is nothing to tell them apart by
    if (half.first === undefined) return (flags & ACK) !== 0 || !this.down.hasData
    return half.first === (sequence + 1) >>> 0
  }
}

export class Connections {
  readonly #file: Uint8Array
  readonly #all: Open[] = []
  readonly #latest = new Map<string, Open>()

  constructor(file: Uint8Array) {
    this.#file = file
  }

  /**
   * @returns false for a segment that has no place in its connection
   * @throws SftError ERR_SFT_LIMIT
   */
  add(packet: number, segment: Segment): boolean {
    const { from, to } = segment
    const ends = from < to ? `${from} ${to}` : `${to} ${from}`
    const known = this.#latest.get(ends)
    if (known?.isOwn(segment)) return known.take(packet, segment)
    if (this.#all.length === MAX_CONNECTIONS)
      throw new SftError('ERR_SFT_LIMIT', `the capture has more than ${MAX_CONNECTIONS} connections`)
    const open = isOfDialler(segment) ? new Open(from, to) : new Open(to, from)
    this.#latest.set(ends, open)
    this.#all.push(open)
    return open.take(packet, segment)
  }

  /** @throws SftError ERR_SFT_LIMIT for a capture that lacks too much. */
  all(times: { at(packet: number): number }): Connection[] {
    const losses = new Losses()
    return this.#all.map(({ dialler, listener, syn, synAck, ack, up, down }, index) => ({
      number: index + 1,
      dialler,
      listener,
      handshake: [syn, synAck, ack].filter(packet => packet !== undefined),
      up: up.flow(this.#file, times, losses),
      down: down.flow(this.#file, times, losses)
    }))
  }
}

/** Of a connection whose SYN the capture lacks: who dials has the higher port, as a rule. */
function isOfDialler({ from, to, flags }: Segment): boolean {
  if ((flags & SYN) !== 0) return (flags & ACK) === 0
  return portOf(from) >= portOf(to)
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
