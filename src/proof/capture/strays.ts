import { SftError } from '../../streams/errors.ts'
import type { Stray, StrayKind } from '../model.ts'
import { Losses, type Piece, reassemble } from './reassembly.ts'
import type { Part } from './segment.ts'

/** Bytes that are in no flow, by their kinds, as their packets come: those of a kind are put one behind the other, as if they had been sent so, first all of one sender to one receiver, then of the next. */

/** Packets with such bytes: each takes memory (M170). */
const MAX_PACKETS = 2_000_000
/** Numbers that are kept of a kind. */
const NUMBERS = 16

/** Of one kind. */
interface Kept {
  /** By who sent them to whom; where they come to stand is known at the end. */
  readonly pieces: Map<string, Omit<Piece, 'offset'>[]>
  readonly numbers: number[]
  packets: number
  lost: number
}

export class Strays {
  readonly #file: Uint8Array
  readonly #kinds = new Map<StrayKind, Kept>()
  #packets = 0

  constructor(file: Uint8Array) {
    this.#file = file
  }

  /**
   * @param ends who sent it, and to whom, as far as that is known
   * @throws SftError ERR_SFT_LIMIT
   */
  add(packet: number, kind: StrayKind, { at, length, captured }: Part, ends: string): void {
    if (length === 0) return
    if (++this.#packets > MAX_PACKETS)
      throw new SftError('ERR_SFT_LIMIT', 'the capture has more than two million packets that are in no connection')
    const kept: Kept = this.#kinds.get(kind) ?? { pieces: new Map(), numbers: [], packets: 0, lost: 0 }
    this.#kinds.set(kind, kept)
    kept.packets++
    if (kept.numbers.length < NUMBERS) kept.numbers.push(packet)
    const there = Math.min(length, captured)
    kept.lost += length - there
    if (there === 0) return
    const own = kept.pieces.get(ends) ?? []
    kept.pieces.set(ends, own)
    own.push({ length: there, at, packet })
  }

  all(times: { at(packet: number): number }): Stray[] {
    return [...this.#kinds].map(([kind, { pieces, numbers, packets, lost }]) => {
      const placed = joined(pieces.values())
      const flow = { ...reassemble(this.#file, placed, 0, times, new Losses()), lost }
      return { kind, packets, numbers, flow, starts: placed.map(({ offset }) => offset) }
    })
  }
}

function joined(all: Iterable<readonly Omit<Piece, 'offset'>[]>): Piece[] {
  const placed: Piece[] = []
  let offset = 0
  for (const pieces of all)
    for (const piece of pieces) {
      placed.push({ ...piece, offset })
      offset += piece.length
    }
  return placed
}
