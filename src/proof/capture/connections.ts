import { SftError } from '../../streams/errors.ts'
import type { Connection, Flow, StrayKind } from '../model.ts'
import { Half } from './half.ts'
import { Losses } from './reassembly.ts'
import { ACK, FIN, RST, type Segment, SYN } from './segment.ts'

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
  /** Whether either side gave it up, which ends both flows; not if one goes on: who knows the ports can send a reset. */
  #isReset = false
  #last = 0

  constructor(dialler: string, listener: string) {
    this.dialler = dialler
    this.listener = listener
  }

  /** @returns why the bytes of the segment are in no flow, if they are not */
  take(packet: number, segment: Segment): StrayKind | undefined {
    const up = segment.from === this.dialler
    const [own, other] = up ? [this.up, this.down] : [this.down, this.up]
    this.#shake(packet, up, segment)
    this.#last = packet
    const stray = own.take(packet, segment)
    if (goesOn(segment)) this.#isReset = false
    if (stray === 'reset') this.#isReset = true
    // a reset acknowledges nothing that it has to have seen
    else if (stray !== 'misplaced' && (segment.flags & ACK) !== 0) other.acknowledge(segment.acknowledged)
    return stray
  }

  /** @throws SftError ERR_SFT_LIMIT for what lacks too much. */
  flow(half: Half, ...rest: Parameters<Half['flow']>): Flow {
    const flow = half.flow(...rest)
    return half.isEnded || this.#isReset ? flow : { ...flow, openAfter: this.#last }
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
    if (half.first !== undefined) return half.first === (sequence + 1) >>> 0
    // both may dial at once; and where nothing has been said, there is nothing to tell them apart by
    return !half.isUsed && ((flags & ACK) !== 0 || !this.down.isUsed)
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
   * @returns why the bytes of the segment are in no flow, if they are not
   * @throws SftError ERR_SFT_LIMIT
   */
  add(packet: number, segment: Segment): StrayKind | undefined {
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
    return this.#all.map((open, index) => ({
      number: index + 1,
      dialler: open.dialler,
      listener: open.listener,
      handshake: [open.syn, open.synAck, open.ack].filter(packet => packet !== undefined),
      up: open.flow(open.up, this.#file, times, losses),
      down: open.flow(open.down, this.#file, times, losses)
    }))
  }
}

/** Whether there is more of a flow, if only its end. */
function goesOn({ length, flags }: Segment): boolean {
  return (flags & RST) === 0 && (length > 0 || (flags & FIN) !== 0)
}

/** Of a connection whose SYN the capture lacks: who dials has the higher port, as a rule. */
function isOfDialler({ from, to, flags }: Segment): boolean {
  if ((flags & SYN) !== 0) return (flags & ACK) === 0
  return portOf(from) >= portOf(to)
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
