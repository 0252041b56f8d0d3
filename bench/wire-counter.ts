import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on loopback that counts the payload of both directions: what a transfer puts on the wire, without TCP's and IP's headers. */
export class WireCounter implements AsyncDisposable {
  readonly port: number
  bytes = 0
  readonly #server: ReturnType<typeof createServer>
  readonly #sockets = new Set<Socket>()

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Listens on a free port, and passes every connection on to `target`. */
  static async to(target: number): Promise<WireCounter> {
    const server = createServer({ allowHalfOpen: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const counter = new WireCounter(server)
    server.on('connection', socket => counter.#join(socket, connect({ port: target, allowHalfOpen: true })))
    return counter
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(one: Socket, other: Socket): void {
    for (const [from, to] of [
      [one, other],
      [other, one]
    ] as const) {
      this.#sockets.add(from)
      from.on('data', piece => {
        this.bytes += piece.byteLength
      })
      from.pipe(to)
      // a side that breaks off breaks the other one off; both commands then say so themselves
      from.on('error', () => to.destroy())
      from.on('close', () => this.#sockets.delete(from))
    }
  }
}
