import type { FrameType } from '../../streams/types.ts'
import { CHUNK_OVERHEAD } from '../../workers/construction.ts'
import { chunkIndex, type SftFrame } from './sft-frames.ts'

/** What is visible of the chunks of one direction: their indices and their sizes (M29, M30). */

/** What the header of a pipe says of them; of a stream in a session nobody knows it who only listens. */
export interface Expected {
  readonly firstChunk: number
  /** Plaintext of a full one. */
  readonly full: number
  readonly variable: boolean
}

const ENDS: ReadonlySet<FrameType> = new Set<FrameType>(['FINL', 'STRM', 'RQFL', 'OFFR', 'ACPT', 'ABRT', 'CLOS'])

export class Chunks {
  readonly #expected: Expected | undefined
  #last: number | undefined
  #first: number | undefined
  #previous: number | undefined
  #count = 0
  #varies = false

  constructor(expected?: Expected) {
    this.#expected = expected
  }

  /** Takes the next frame; gives what is wrong with it. */
  see(bytes: Uint8Array, frame: SftFrame): string | undefined {
    if (frame.type === 'RSFL') return this.#chunk(bytes, frame)
    return undefined
  }

  /** What there is to say of a frame that has been seen. */
  detail(bytes: Uint8Array, frame: SftFrame): string {
    if (frame.type === 'RSFL') return `chunk ${chunkIndex(bytes, frame) ?? '?'}`
    if (!ENDS.has(frame.type)) return ''
    const told = frame.type === 'FINL' ? this.#summary() : ''
    this.#last = this.#first = this.#previous = undefined
    this.#count = 0
    this.#varies = false
    return told
  }

  #summary(): string {
    const size = this.#first === undefined ? '' : this.#varies ? ' of different sizes' : ` of ${this.#first} bytes`
    const last = this.#previous !== this.#first && !this.#varies ? `, the last of ${this.#previous}` : ''
    return `${this.#count} ${this.#count === 1 ? 'chunk' : 'chunks'}${size}${last}`
  }

  #chunk(bytes: Uint8Array, frame: SftFrame): string | undefined {
    const index = chunkIndex(bytes, frame)
    if (index === undefined) return undefined
    const order = this.#orderFault(index)
    this.#last = index
    this.#count++
    const size = frame.at + frame.length - frame.body - CHUNK_OVERHEAD
    const fault = this.#sizeFault(size)
    this.#first ??= size
    this.#previous = size
    return order ?? fault
  }

  #orderFault(index: number): string | undefined {
    const next = this.#last === undefined ? this.#expected?.firstChunk : this.#last + 1
    // over several connections (§8.1) each carries some of them
    const wrong = this.#expected ? index !== next : this.#last !== undefined && index <= this.#last
    if (!wrong) return undefined
    return this.#last === undefined ? `chunk ${index} in the first place` : `chunk ${index} behind chunk ${this.#last}`
  }

  /** Only the last may be shorter: so the one before this has to have been full. */
  #sizeFault(size: number): string | undefined {
    const full = this.#expected?.full ?? this.#first
    const before = this.#previous
    if (before !== undefined && full !== undefined && (before !== full || size > full)) this.#varies = true
    if (this.#expected === undefined) return undefined
    if (size > this.#expected.full) return `a chunk of ${size} bytes, at most ${this.#expected.full}`
    return this.#varies && !this.#expected.variable ? 'a chunk that is not full before the last' : undefined
  }
}
