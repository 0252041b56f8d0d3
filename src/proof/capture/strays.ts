import { SftError } from '../../streams/errors.ts'
import type { Stray, StrayKind } from '../model.ts'
import { Losses, type Piece, reassemble } from './reassembly.ts'
import type { Part } from './segment.ts'

/** Bytes that are in no flow, by their kinds, as their packets come: those of a kind are put one behind the other, as if they had been sent so. */

/** Packets with such bytes: each takes memory (M170). */
const MAX_PACKETS = 2_000_000
/** Numbers that are kept of a kind. */
const NUMBERS = 16

/** Of one kind. */
interface Kept {
  readonly pieces: Piece[]
  readonly numbers: number[]
  packets: number
  bytes: number
  lost: number
}

export class Strays {
  readonly #file: Uint8Array
  readonly #kinds = new Map<StrayKind, Kept>()
  #packets = 0

  constructor(file: Uint8Array) {
    this.#file = file
  }

  /** @throws SftError ERR_SFT_LIMIT */
  add(packet: number, kind: StrayKind, { at, length, captured }: Part): void {
    if (length === 0) return
    if (++this.#packets > MAX_PACKETS)
      throw new SftError('ERR_SFT_LIMIT', 'the capture has more than two million packets that are in no connection')
    const kept = this.#kinds.get(kind) ?? { pieces: [], numbers: [], packets: 0, bytes: 0, lost: 0 }
    this.#kinds.set(kind, kept)
    kept.packets++
    if (kept.numbers.length < NUMBERS) kept.numbers.push(packet)
    const there = Math.min(length, captured)
    kept.lost += length - there
    if (there === 0) return
    kept.pieces.push({ offset: kept.bytes, length: there, at, packet })
    kept.bytes += there
  }

  all(times: { at(packet: number): number }): Stray[] {
    return [...this.#kinds].map(([kind, { pieces, numbers, packets, bytes, lost }]) => ({
      kind,
      packets,
      numbers,
      flow: { ...reassemble(this.#file, pieces, bytes, times, new Losses()), lost },
      starts: pieces.map(({ offset }) => offset)
    }))
  }
}
