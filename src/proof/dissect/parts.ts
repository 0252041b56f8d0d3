import type { Connection, Direction, Dissected, Flow, Frame } from '../model.ts'

/** What of a connection was made out so far. */
export class Parts {
  readonly connection: Connection
  readonly frames: Frame[] = []
  readonly faults: { direction: Direction; at: number; reason: string }[] = []

  constructor(connection: Connection) {
    this.connection = connection
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

  /** The frames in the order in which they were complete on the wire. */
  finish(protocol: Dissected['protocol']): Omit<Dissected, 'certificates'> {
    return { connection: this.connection, protocol, frames: inOrder(this.connection, this.frames), faults: this.faults }
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
