import { isIPv6, type Server } from 'node:net'
import { SftError } from './errors.ts'

/**
 * Listens on an address; without a host, on every one there is.
 *
 * @throws SftError ERR_SFT_CONNECT when it can not be had; the message has the system's reason.
 */
export function bind(server: Server, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const hint = HINTS[cause.code ?? '']
      const message = `can not listen on ${bracketed(host ?? '')}:${port} (${cause.code})`
      reject(new SftError('ERR_SFT_CONNECT', message, { cause, ...(hint && { hint }) }))
    }
    server.once('error', failed)
    server.listen({ host, port }, () => {
      server.off('error', failed)
      resolve()
    })
  })
}

/** A host as it stands before a port. */
export function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already; choose another port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'ports below 1024 are for root'
}
