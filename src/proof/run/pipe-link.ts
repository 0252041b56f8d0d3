import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { LOOPBACK } from './ports.ts'

/** Carries a pipe over a plain TCP connection of our own, so that it can be captured: as `nc` between two hosts would. */
export async function carry(from: Readable, to: Writable, port: number, signal?: AbortSignal): Promise<void> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(port, LOOPBACK)
  await once(server, 'listening')
  const accepted = once(server, 'connection', { signal: signal ?? AbortSignal.timeout(10_000) })
  try {
    const dialler = connect({ port, host: LOOPBACK, allowHalfOpen: true })
    const [[listener]] = (await Promise.all([accepted, once(dialler, 'connect')])) as [[Socket], unknown]
    const options = signal === undefined ? {} : { signal }
    const sent = pipeline(from, dialler, options)
    const received = pipeline(listener, to, options)
    // the other direction says nothing, and ends when this one has
    listener.end()
    dialler.resume()
    await Promise.all([sent, received])
  } finally {
    server.close()
  }
}
