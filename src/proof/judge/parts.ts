import { countBefore } from '../bisect.ts'
import { DIRECTIONS, type Direction, type Dissected, type Flow, type Frame, SENDERS } from '../model.ts'
import type { Stretch } from './window-index.ts'

/** Flows, and what of them is sealed: what each claim is about. */

/** One side of a connection. */
export interface Side {
  readonly of: Dissected
  readonly direction: Direction
  readonly flow: Flow
  readonly frames: readonly Frame[]
  /** What it is called, if it is no side of a connection (`strays.ts`). */
  readonly name?: string
}

/** A part of a flow that is said to be ciphertext, without bytes that the capture lacks. */
export interface Sealed extends Stretch {
  readonly side: Side
  readonly frame: Frame
}

/** Both sides of every connection that sent something. */
export function sidesOf(all: readonly Dissected[]): Side[] {
  return all
    .flatMap(of =>
      DIRECTIONS.map(direction => ({
        of,
        direction,
        flow: of.connection[direction],
        frames: of.frames.filter(frame => frame.direction === direction)
      }))
    )
    .filter(({ flow }) => flow.bytes.byteLength > 0)
}

export function sealedOf(side: Side): Sealed[] {
  const { flow, frames } = side
  return frames.flatMap(frame => {
    if (frame.sealed === undefined) return []
    const { at, length } = frame.sealed
    const whole = { bytes: flow.bytes, from: at, to: at + length }
    return withoutGaps(whole, flow.gaps ?? []).map(stretch => ({ ...stretch, side, frame }))
  })
}

/** Where the capture lacks bytes there are zeros, which say nothing. */
function withoutGaps({ bytes, from, to }: Stretch, gaps: NonNullable<Flow['gaps']>): Stretch[] {
  const parts: Stretch[] = []
  let start = from
  for (let next = gapsBefore(gaps, from); next < gaps.length; next++) {
    const { at, length } = gaps[next] as (typeof gaps)[number]
    if (at >= to) break
    if (at > start) parts.push({ bytes, from: start, to: at })
    start = at + length
  }
  if (start < to) parts.push({ bytes, from: start, to })
  return parts
}

/** Whether the capture lacks one of the bytes from `first` to `last`. */
export function isInGap({ gaps = [] }: Flow, first: number, last: number): boolean {
  const next = gaps[gapsBefore(gaps, first)]
  return next !== undefined && next.at <= last
}

/** How many gaps end before `at`; they stand in order. */
function gapsBefore(gaps: NonNullable<Flow['gaps']>, at: number): number {
  return countBefore(gaps.length, index => {
    const gap = gaps[index] as (typeof gaps)[number]
    return gap.at + gap.length <= at
  })
}

/** Bytes of all of them. */
export const sizeOf = (parts: readonly Stretch[]): number => sum(parts.map(({ from, to }) => to - from))

/** `what the dialler of connection 3 sent` */
export function sent({ of, direction, name }: Side): string {
  return name ?? `what the ${SENDERS[direction]} of connection ${of.connection.number} sent`
}

/** Whether the byte at `at` of the side is in a part that is sealed; the frames stand in order. */
export function isSealedAt({ frames }: Side, at: number): boolean {
  const sealed = frameAt(frames, at)?.sealed
  return sealed !== undefined && at >= sealed.at && at < sealed.at + sealed.length
}

export function frameAt(frames: readonly Frame[], at: number): Frame | undefined {
  const begun = countBefore(frames.length, index => (frames[index] as Frame).at <= at)
  return frames[Math.max(0, begun - 1)]
}

export const sum = (numbers: Iterable<number>): number => {
  let total = 0
  for (const number of numbers) total += number
  return total
}
