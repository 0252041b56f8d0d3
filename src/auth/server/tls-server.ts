import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Server as NetServer, Socket } from 'node:net'

/** The TLS 1.3 end of the auth server: deadlines, the renewal of its certificate, and an end that waits for nobody idle. */

const MAX_HEADER = 8 * 1024
export const MAX_CONNECTIONS = 512
/** Milliseconds for the TLS handshake, the header, the whole request, between two requests, and for what runs when the server closes. */
const DEADLINE = { handshake: 5000, headers: 5000, request: 10_000, keepAlive: 5000, close: 10_000 } as const
/** Milliseconds between two looks at the deadlines of requests. */
const CHECK_INTERVAL = 1000
/** Milliseconds until a renewal that failed is tried again. */
const RETRY = 60_000
/** A timer of Node holds at most this many milliseconds. */
const MAX_TIMER = 2 ** 31 - 1

export interface TlsCredentials {
  readonly key: string
  readonly cert: string
}

/** Makes an HTTPS server that speaks TLS 1.3 only; it does not listen yet. */
export function createTlsServer(credentials: TlsCredentials): Server {
  const server = createServer({
    ...credentials,
    minVersion: 'TLSv1.3',
    handshakeTimeout: DEADLINE.handshake,
    headersTimeout: DEADLINE.headers,
    requestTimeout: DEADLINE.request,
    keepAliveTimeout: DEADLINE.keepAlive,
    connectionsCheckingInterval: CHECK_INTERVAL,
    maxHeaderSize: MAX_HEADER
  })
  server.maxConnections = MAX_CONNECTIONS
  return server
}

/**
 * Puts a new certificate in place each time two thirds of a life are over; open connections keep the old one. A failure is told to `onFault`
 * and tried again in a minute.
 *
 * @param life - milliseconds.
 */
export function renewCertificate(
  server: Server,
  certify: () => Promise<TlsCredentials>,
  life: number,
  onFault: (error: unknown) => void
): { again(): void; stop(): void } {
  const period = Math.min(MAX_TIMER, (life * 2) / 3)
  let timer: NodeJS.Timeout
  let stopped = false
  const schedule = (delay: number): void => {
    if (!stopped) timer = setTimeout(renew, delay).unref()
  }
  const renew = async (): Promise<void> => {
    try {
      server.setSecureContext({ ...(await certify()), minVersion: 'TLSv1.3' })
      schedule(period)
    } catch (error) {
      onFault(error)
      schedule(Math.min(RETRY, period))
    }
  }
  schedule(period)
  return {
    again() {
      clearTimeout(timer)
      void renew()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    }
  }
}

/**
 * Watches a server's connections from here on and returns how to end it: nothing new is accepted, requests that run are answered (for at most
 * 10 s), every other connection is cut. Node's own `close` would wait for one that has yet to send its first byte.
 */
export function trackConnections(server: NetServer): () => Promise<void> {
  const sockets = new Set<Socket>()
  let running = 0
  let closing = false
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', (_, response: ServerResponse) => {
    running++
    response.once('close', () => {
      running--
      if (closing && running === 0) cut()
    })
  })
  return async () => {
    closing = true
    const deadline = setTimeout(cut, DEADLINE.close)
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    if (running === 0) cut()
    await closed
    clearTimeout(deadline)
  }
}
