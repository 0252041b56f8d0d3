import { SftError } from '../../streams/errors.ts'
import { countBefore } from '../bisect.ts'
import type { Flow } from '../model.ts'

/** Puts the bytes of one side of a connection together (M171): in order, each once, the first that came. */

/** Bytes of a flow that one packet brought. */
export interface Piece {
  /** In the flow. */
  readonly offset: number
  readonly length: number
  /** Where they are in the file. */
  readonly at: number
  readonly packet: number
}

/** What a capture may lack before memory is taken for zeros: packets that were cut short, or sequence numbers that nobody has sent. */
const MAX_LOST = 64 * 1024 * 1024

/** Counts what all flows of a capture lack. */
export class Losses {
  #lost = 0

  /** @throws SftError ERR_SFT_LIMIT */
  add(bytes: number): void {
    this.#lost += bytes
    if (this.#lost > MAX_LOST)
      throw new SftError('ERR_SFT_LIMIT', 'the capture lacks more than 64 MiB of what was sent', {
        hint: 'take whole packets (dumpcap -s 0)'
      })
  }
}

/**
 * @param arrived in the order of packets
 * @param end bytes of the flow, if more are known to have been sent than have arrived
 * @param times of packets in ms, by number
 */
export function reassemble(
  file: Uint8Array,
  arrived: readonly Piece[],
  end: number,
  times: { at(packet: number): number },
  losses: Losses
): Flow {
  const inOrder = isInOrder(arrived)
  const pieces = inOrder ? arrived : firstOfEach(arrived)
  const last = pieces.at(-1)
  const size = Math.max(end, last ? last.offset + last.length : 0)
  const gaps = gapsOf(pieces, size)
  const lost = gaps.reduce((sum, { length }) => sum + length, 0)
  losses.add(lost)
  const bytes = new Uint8Array(size)
  for (const { offset, length, at } of pieces) bytes.set(file.subarray(at, at + length), offset)
  const differing = inOrder ? 0 : arrived.reduce((sum, piece) => sum + differences(file, piece, bytes), 0)
  const begun = (offset: number): number =>
    countBefore(pieces.length, index => (pieces[index] as Piece).offset <= offset)
  const pieceAt = (offset: number): Piece | undefined => pieces[Math.max(0, begun(offset) - 1)]
  const packetAt = (offset: number): number => pieceAt(offset)?.packet ?? 0
  return { bytes, lost, gaps, differing, packetAt, timeAt: offset => times.at(packetAt(offset)) }
}

function isInOrder(arrived: readonly Piece[]): boolean {
  let end = 0
  for (const { offset, length } of arrived) {
    if (offset < end) return false
    end = offset + length
  }
  return true
}

/** Cuts pieces where others begin or end; each cut belongs to the first piece that brought it. Time is n log n for any overlap. */
function firstOfEach(arrived: readonly Piece[]): Piece[] {
  const edges = edgesOf(arrived)
  const owners = new Int32Array(edges.length).fill(-1)
  // the next cut without an owner; each look-up shortens the way for those that follow
  const next = new Int32Array(edges.length)
  for (let cut = 0; cut < next.length; cut++) next[cut] = cut
  const free = (cut: number): number => {
    let at = cut
    while (next[at] !== at) at = next[at] = next[next[at] as number] as number
    return at
  }
  for (const [index, { offset, length }] of arrived.entries()) {
    const end = indexOf(edges, offset + length)
    for (let cut = free(indexOf(edges, offset)); cut < end; cut = free(cut + 1)) {
      owners[cut] = index
      next[cut] = cut + 1
    }
  }
  return joined(arrived, edges, owners)
}

/** Neighbouring cuts of one packet are one piece again. */
function joined(arrived: readonly Piece[], edges: Float64Array, owners: Int32Array): Piece[] {
  const pieces: Piece[] = []
  for (let cut = 0; cut < owners.length; ) {
    const index = owners[cut] as number
    const first = cut
    while (cut < owners.length && owners[cut] === index) cut++
    const owner = arrived[index]
    if (owner === undefined) continue
    const offset = edges[first] as number
    pieces.push({ ...owner, offset, length: (edges[cut] as number) - offset, at: owner.at + offset - owner.offset })
  }
  return pieces
}

function edgesOf(arrived: readonly Piece[]): Float64Array {
  const all = new Float64Array(arrived.length * 2)
  for (const [index, { offset, length }] of arrived.entries()) all.set([offset, offset + length], 2 * index)
  all.sort()
  return all.filter((edge, index) => index === 0 || edge !== all[index - 1])
}

function indexOf(edges: Float64Array, edge: number): number {
  return countBefore(edges.length, index => (edges[index] as number) < edge)
}

function gapsOf(pieces: readonly Piece[], size: number): { at: number; length: number }[] {
  const gaps: { at: number; length: number }[] = []
  let at = 0
  for (const { offset, length } of pieces) {
    if (offset > at) gaps.push({ at, length: offset - at })
    at = offset + length
  }
  if (size > at) gaps.push({ at, length: size - at })
  return gaps
}

/** How many bytes of a piece are not those that were taken. */
function differences(file: Uint8Array, { offset, length, at }: Piece, bytes: Uint8Array): number {
  const own = file.subarray(at, at + length)
  const taken = bytes.subarray(offset, offset + length)
  if (Buffer.compare(own, taken) === 0) return 0
  return own.reduce((sum, byte, index) => sum + (byte === taken[index] ? 0 : 1), 0)
}
