import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import tls from 'node:tls'

/**
 * What a few lines of Node do: `pipeline(createReadStream, socket)`, over TCP or mutual TLS 1.3, with buffers of 1 MiB.
 * `node-peer.ts recv TARGET [CA CERT KEY]`, `node-peer.ts send PORT SOURCE [CA CERT KEY]`.
 */

interface Credentials {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
  readonly minVersion: 'TLSv1.3'
}

const BUFFER = { highWaterMark: 1024 * 1024 }
const [role, ...args] = process.argv.slice(2)

function credentials([ca, cert, key]: readonly string[]): Credentials | undefined {
  if (ca === undefined || cert === undefined || key === undefined) return undefined
  return { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.3' }
}

function receive(target: string, secret: Credentials | undefined): void {
  const take = async (socket: Socket): Promise<void> => {
    server.close()
    await pipeline(socket, createWriteStream(target, BUFFER))
  }
  const server: Server = secret
    ? tls.createServer({ ...secret, ...BUFFER, requestCert: true, rejectUnauthorized: true }, take)
    : createServer(BUFFER, take)
  server.listen(0, '127.0.0.1', () => {
    process.stderr.write(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  })
}

async function send(port: number, source: string, secret: Credentials | undefined): Promise<void> {
  const at = { port, host: '127.0.0.1', servername: 'localhost', ...BUFFER }
  await pipeline(createReadStream(source, BUFFER), secret ? tls.connect({ ...at, ...secret }) : connect(at))
}

const [first = '', second = ''] = args
if (role === 'recv') receive(first, credentials(args.slice(1)))
else await send(Number(first), second, credentials(args.slice(2)))
