import { Socket } from 'node:net'
import { SocketReader } from './socket-reader.ts'

/** What Node keeps of a socket under this name; `useUserBuffer` is what it calls for `onread`. */
interface WithHandle {
  _handle: { useUserBuffer?: unknown } | null
}

/**
 * Takes over a socket that a server accepted with `allowHalfOpen` and `pauseOnConnect`, so that the kernel writes into the reader's places.
 *
 * Node takes `onread` for sockets that it makes for us, and has no option for those that a server accepts. So the connection moves to a
 * socket of our making; the first one is an empty shell then, and is destroyed. The name of its handle is not documented: where there is
 * none, the socket stays as it is without a reader, and its bytes are copied once more.
 */
export function takeAccepted(accepted: Socket): { socket: Socket; reader: SocketReader | undefined } {
  const shell = accepted as unknown as WithHandle
  const handle = shell._handle
  if (typeof handle?.useUserBuffer !== 'function') return { socket: accepted, reader: undefined }
  const reader = new SocketReader()
  const socket = new Socket({ handle, onread: reader.onread, allowHalfOpen: true } as object)
  shell._handle = null
  accepted.destroy()
  return { socket, reader }
}
