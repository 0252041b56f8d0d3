import { SftError } from '../../streams/errors.ts'
import type { Connection, Direction, Flow, Frame } from '../model.ts'

/** Frames of all connections of a capture: each takes memory, and the shortest has 5 bytes. */
export class FrameCount {
  #count = 0

  /** @throws SftError ERR_SFT_LIMIT */
  add(): void {
    if (++this.#count > MAX_FRAMES) throw new SftError('ERR_SFT_LIMIT', 'the capture has more than two million frames')
  }
}

const MAX_FRAMES = 2_000_000

/** What a message says of itself: its length with its header, at least. */
interface Header {
  readonly length: number
}

type HeaderAt<H> = (bytes: Uint8Array, at: number) => H | undefined

/** What the messages are called, and one of them. */
interface Words<H> {
  readonly kind: string
  readonly of: (header: H) => string
}

export type Message<H extends Header> = H & {
  readonly direction: Direction
  readonly at: number
  readonly isWhole: boolean
}

/** What of a connection was made out so far. */
export class Parts {
  readonly connection: Connection
  readonly count: FrameCount
  readonly frames: Frame[] = []
  readonly faults: { direction: Direction; at: number; reason: string }[] = []

  constructor(connection: Connection, count: FrameCount) {
    this.connection = connection
    this.count = count
  }

  flow(direction: Direction): Flow {
    return this.connection[direction]
  }

  add(frame: Frame): void {
    this.frames.push(frame)
  }

  fault(direction: Direction, at: number, reason: string): void {
    this.faults.push({ direction, at, reason })
  }

  /** What follows in this direction is none of the protocol's messages (M172); without a reason, because nothing is known of it. */
  unexplained(direction: Direction, at: number, reason?: string): void {
    const length = this.flow(direction).bytes.byteLength - at
    if (length > 0)
      this.add({ direction, at, length, label: 'unexplained', sealed: undefined, content: false, detail: '' })
    if (reason !== undefined) this.fault(direction, at, reason)
  }

  /** Messages one behind the other, as their headers say; what has none is unexplained, and of what the flow ends inside the rest is missing. */
  split<H extends Header>(direction: Direction, words: Words<H>, headerAt: HeaderAt<H>): Message<H>[] {
    const { bytes } = this.flow(direction)
    const messages: Message<H>[] = []
    for (let at = 0; at < bytes.byteLength; ) {
      const header = headerAt(bytes, at)
      if (header === undefined) {
        this.unexplained(direction, at, `no ${words.kind}`)
        break
      }
      const length = Math.min(header.length, bytes.byteLength - at)
      const isWhole = length === header.length
      if (!isWhole) this.fault(direction, at, `the flow ends inside a ${words.of(header)}`)
      this.count.add()
      messages.push({ ...header, direction, at, length, isWhole })
      at += length
    }
    return messages
  }

  /** The frames in the order in which they were complete on the wire. */
  inOrder(): readonly Frame[] {
    return inOrder(this.connection, this.frames)
  }
}

/** Orders by the packet that brought the last byte; in one direction the order is that of the flow. */
export function inOrder<T extends { readonly direction: Direction; readonly at: number; readonly length: number }>(
  connection: Connection,
  frames: readonly T[]
): T[] {
  const placed = frames.map(frame => {
    const flow = connection[frame.direction]
    return { frame, packet: flow.packetAt(frame.at + frame.length - 1) }
  })
  // a byte that came again later than what follows it must not turn two frames around
  const latest = { up: 0, down: 0 }
  const flowOrder = placed.sort((a, b) => a.frame.at - b.frame.at)
  for (const place of flowOrder) {
    const { direction } = place.frame
    latest[direction] = place.packet = Math.max(latest[direction], place.packet)
  }
  return flowOrder.sort((a, b) => a.packet - b.packet).map(({ frame }) => frame)
}
