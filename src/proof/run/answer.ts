import { connect } from 'node:net'
import { LOOPBACK } from './ports.ts'

/** ms for a listener to end the connection. */
const CLOSED_MS = 15_000

export interface Answer {
  readonly bytes: number
  /** The listener has ended the connection, by itself. */
  readonly ended: boolean
}

/** Sends all of something that was recorded, whatever is answered, and waits until the other side ends it. */
export function answerTo(port: number, recorded: Uint8Array, within = CLOSED_MS): Promise<Answer> {
  return new Promise(resolve => {
    let bytes = 0
    let ended = true
    const socket = connect(port, LOOPBACK)
    socket.setTimeout(within, () => {
      ended = false
      socket.destroy()
    })
    socket.on('data', piece => {
      bytes += piece.byteLength
    })
    // a reset, say: the listener has told why
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve({ bytes, ended }))
    socket.write(recorded)
  })
}
