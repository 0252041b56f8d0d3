import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { TYPE_BYTES } from '../../streams/frame-types.ts'
import { decodeVarint } from '../../streams/varint.ts'
import type { Direction } from '../model.ts'
import { LOOPBACK } from './ports.ts'

/** A man in the middle: passes connections on to a listener, and flips one bit of one byte in the middle of one frame. */

export interface Flip {
  readonly direction: Direction
  /** Type of the frame: its first one is meant. */
  readonly label: string
}

export class FlippingRelay implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async to(port: number, flip: Flip): Promise<FlippingRelay> {
    const server = createServer({ allowHalfOpen: true })
    server.listen(0, LOOPBACK)
    await once(server, 'listening')
    const relay = new FlippingRelay(server)
    server.on('connection', dialler =>
      relay.#join(dialler, connect({ host: LOOPBACK, port, allowHalfOpen: true }), flip)
    )
    return relay
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(dialler: Socket, listener: Socket, { direction, label }: Flip): void {
    const [from, to] = direction === 'up' ? [dialler, listener] : [listener, dialler]
    from.pipe(flipIn(label)).pipe(to)
    to.pipe(from)
    for (const [socket, other] of [
      [dialler, listener],
      [listener, dialler]
    ] as const) {
      this.#sockets.add(socket)
      // what one side has said before it broke off still gets to the other
      socket.on('error', () => other.end())
      socket.on('close', () => this.#sockets.delete(socket))
    }
  }
}

/** Passes a stream of frames on, but for one bit in the middle of the body of the first one of a type. */
export function flipIn(label: string): Transform {
  const flipper = new Flipper(label)
  return new Transform({
    transform(piece: Buffer, _, then) {
      then(null, flipper.done ? piece : piece.map(byte => flipper.pass(byte)))
    }
  })
}

class Flipper {
  done = false
  readonly #label: string
  /** Length and type of a frame, as far as they have come. */
  #head: number[] = []
  /** Bytes of the body that are to come, and how many of them when it is time. */
  #left = 0
  #target = 0

  constructor(label: string) {
    this.#label = label
  }

  pass(byte: number): number {
    if (this.#left === 0) return this.#begin(byte)
    const flip = this.#left-- === this.#target
    if (flip) this.done = true
    return flip ? byte ^ 1 : byte
  }

  #begin(byte: number): number {
    this.#head.push(byte)
    const length = decodeVarint(Uint8Array.from(this.#head))
    if (length === undefined || this.#head.length < length.size + TYPE_BYTES) return byte
    this.#left = length.value - TYPE_BYTES
    const named = String.fromCharCode(...this.#head.slice(length.size)) === this.#label
    this.#target = named ? Math.ceil(this.#left / 2) : 0
    this.#head = []
    return byte
  }
}
