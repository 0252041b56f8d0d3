import type { Flow, StrayKind } from '../model.ts'
import { type Losses, type Piece, reassemble } from './reassembly.ts'
import { ACK, FIN, RST, type Segment, SYN } from './segment.ts'

/** No window is larger (RFC 7323 §2.3): a number farther away is of another connection, or of nobody. */
const MAX_WINDOW = 2 ** 30

/** One side of a connection while its packets come: sequence numbers become offsets, also across 2^32. */
export class Half {
  /** Sequence number of the first byte, once one is known … */
  #first: number | undefined
  /** … or of where it had got to when the other side, or its FIN, first said a number, while there is nothing better: what comes behind that is missing. */
  #isGuess = false
  /** Whether that is of its SYN; otherwise the capture began later, and there may be bytes before it. */
  #begun = false
  #high = 0
  #acknowledged = 0
  #finished: number | undefined
  readonly #pieces: Piece[] = []

  get first(): number | undefined {
    return this.#isGuess ? undefined : this.#first
  }

  /** Whether it has bytes, or is known to lack some. */
  get isUsed(): boolean {
    return Math.max(this.#high, this.#acknowledged) > 0
  }

  /** Takes what a packet of this side brought. @returns why its bytes are no part of the flow, if they are not */
  take(packet: number, { sequence, flags, length, captured, at }: Segment): StrayKind | undefined {
    const syn = (flags & SYN) !== 0
    const start = (sequence + (syn ? 1 : 0)) >>> 0
    const isReset = (flags & RST) !== 0
    const bytes = isReset ? 0 : length
    if (syn || bytes > 0) this.#begin(start, syn)
    else if (!isReset && (flags & FIN) !== 0) this.#guess(start)
    if (this.#first === undefined) return isReset ? 'reset' : undefined
    const offset = this.#offsetOf(start)
    if (offset === undefined) return 'misplaced'
    // what a reset carries is for people (RFC 9293 §3.5.3)
    const stray = isReset ? 'reset' : this.#strayed(offset, bytes, flags)
    const piece = { offset, length: Math.min(bytes, captured), at, packet }
    if (stray === undefined && piece.length > 0) this.#pieces.push(piece)
    this.#high = Math.max(this.#high, offset + bytes)
    if ((flags & FIN) !== 0) this.#finished ??= offset + bytes
    return stray
  }

  /** The other side has this much. */
  acknowledge(sequence: number): void {
    this.#guess(sequence)
    const offset = this.#offsetOf(sequence)
    if (offset !== undefined) this.#acknowledged = Math.max(this.#acknowledged, offset)
  }

  #begin(first: number, syn: boolean): void {
    if (this.first !== undefined) return
    this.#first = first
    this.#begun = syn
    this.#isGuess = false
    // what was counted from a guess
    this.#high = this.#acknowledged = 0
    this.#finished = undefined
  }

  #guess(first: number): void {
    if (this.#first !== undefined) return
    this.#first = first
    this.#isGuess = true
  }

  /** Whether its end was seen, and nothing behind it. */
  get isEnded(): boolean {
    // a FIN has a number of its own
    return this.#finished !== undefined && this.#finished + 1 >= this.#high
  }

  flow(file: Uint8Array, times: { at(packet: number): number }, losses: Losses): Flow {
    const before = this.#lowest()
    const pieces = before === 0 ? this.#pieces : this.#pieces.map(each => ({ ...each, offset: each.offset - before }))
    // … and no byte
    const end = Math.min(Math.max(this.#high, this.#acknowledged), this.#finished ?? Number.POSITIVE_INFINITY)
    return reassemble(file, pieces, end - before, times, losses)
  }

  /** Why bytes are none of the flow though their number is near. */
  #strayed(offset: number, bytes: number, flags: number): StrayKind | undefined {
    // the last byte once more, or one before the first: it means nothing (RFC 9293 §3.8.4)
    if (bytes === 1 && offset === this.#high - 1 && (flags & ~ACK) === 0) return 'sign of life'
    return this.#begun && bytes > 0 && offset < 0 ? 'misplaced' : undefined
  }

  #lowest(): number {
    return this.#pieces.reduce((lowest, { offset }) => Math.min(lowest, offset), 0)
  }

  #offsetOf(sequence: number): number | undefined {
    const distance = (sequence - ((this.#first as number) + this.#high)) | 0
    return Math.abs(distance) > MAX_WINDOW ? undefined : this.#high + distance
  }
}
