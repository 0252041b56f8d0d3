import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { pipe } from 'it-pipe'
import type { ClassicPeer } from '../../auth/classic/certificate.ts'
import {
  CLASSIC_DEADLINES,
  type ClassicChannel,
  type ClassicDeadlines,
  classicChannel,
  greetRequester,
  readRequest
} from '../../auth/classic/greeting.ts'
import type { ClassicIdentity } from '../../auth/classic/identity.ts'
import { SeenPayloads } from '../../auth/classic/seen-payloads.ts'
import { bind } from '../../streams/bind.ts'
import { SftError } from '../../streams/errors.ts'
import { limited, type RateLimit } from '../../streams/rate-limit.ts'
import { readFile } from '../../streams/read-file.ts'
import { readSocket, writeSocket } from '../../streams/socket.ts'
import type { Source } from '../../streams/types.ts'
import type { ClassicPool } from '../../workers/classic-pool.ts'
import { atMost } from '../at-most.ts'
import type { AuditLog } from '../audit-log.ts'
import { type ExportRoot, type OpenedFile, openExportRoot } from '../export-root.ts'
import { limitsOf } from '../transport.ts'
import { CLASSIC_PIECE, encryptFile } from './blocks.ts'

/** What happened at a classic server. The alias is that of a certificate that was shown, which proves nothing of who showed it. */
export type ClassicServeEvent =
  | { readonly type: 'transfer'; readonly alias: string; readonly path: string; readonly bytes: number }
  | { readonly type: 'denied'; readonly alias: string; readonly path: string | undefined }
  /** A request that was answered before came again: somebody has recorded it. */
  | { readonly type: 'replay'; readonly alias: string }
  | { readonly type: 'fault'; readonly alias: string | undefined; readonly error: unknown }

export interface ClassicServeOptions {
  /** Asked for every connection, so that a new certificate is shown from then on. */
  readonly identity: () => ClassicIdentity
  readonly pool: ClassicPool
  /** Its regular files are served. */
  readonly directory: string
  /** Loopback by default. */
  readonly host?: string | undefined
  /** 0 for any free one. */
  readonly port: number
  /** Who gets something; whoever has a certificate when absent. */
  readonly to?: readonly string[] | undefined
  /** Serves what has a name with a point in front, or lies in such a directory. Default true. */
  readonly hidden?: boolean | undefined
  /** Bytes of blocks a second, of all transfers together. Default: 0, no limit. */
  readonly bwlimit?: number | undefined
  readonly onEvent?: ((event: ClassicServeEvent) => void) | undefined
  /** Where every event is written; once that fails, nothing is answered any more. The caller closes it. */
  readonly audit?: AuditLog | undefined
  readonly deadlines?: ClassicDeadlines | undefined
}

export interface ClassicListener extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Takes no new connections, and ends those that there are. */
  close(): Promise<void>
}

/** M148. */
const MAX_TRANSFERS = 5
const MAX_GREETINGS = 64
const MAX_SEEN = 10_000
/** As long as a certificate that a recorded request would come with. */
const SEEN_MS = 10 * 24 * 3600 * 1000
/** ms for the requester to close after the last block. */
const CLOSE_MS = 5000
const LOOPBACK = '127.0.0.1'

/**
 * Serves the regular files of a directory as a classic client that listens does, to theirs or ours.
 *
 * @throws SftError ERR_SFT_CONNECT when the address can not be had, ERR_SFT_NOT_FOUND for a directory that is none.
 */
export async function serveClassic(options: ClassicServeOptions): Promise<ClassicListener> {
  const { host = LOOPBACK, port, onEvent } = options
  const root = await openExportRoot(options.directory)
  const acceptor = new ClassicAcceptor(options, root)
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => void acceptor.accept(socket))
  await bind(server, host, port).catch(async error => {
    await root[Symbol.asyncDispose]()
    throw error
  })
  server.on('error', error => onEvent?.({ type: 'fault', alias: undefined, error }))
  const bound = server.address() as { address: string; port: number }
  const close = async (): Promise<void> => {
    server.close()
    await acceptor.close()
    await root[Symbol.asyncDispose]()
  }
  return { host: bound.address, port: bound.port, close, [Symbol.asyncDispose]: close }
}

class ClassicAcceptor {
  readonly #options: ClassicServeOptions
  readonly #root: ExportRoot
  readonly #seen = new SeenPayloads({ life: SEEN_MS, most: MAX_SEEN })
  /** Those that have not asked yet, the oldest first. */
  readonly #greetings = new Set<Socket>()
  readonly #connections = new Map<Socket, Promise<void>>()
  readonly #limit: RateLimit | undefined
  #transfers = 0

  constructor(options: ClassicServeOptions, root: ExportRoot) {
    this.#options = options
    this.#root = root
    this.#limit = limitsOf(options.bwlimit)?.sent
  }

  /** One connection from its first byte to its end; never rejects. */
  async accept(socket: Socket): Promise<void> {
    const [oldest] = this.#greetings
    if (this.#greetings.size >= MAX_GREETINGS) oldest?.destroy()
    this.#greetings.add(socket)
    // also of one that nobody reads any more
    socket.on('error', () => {})
    const ended = this.#answer(socket).finally(() => {
      this.#greetings.delete(socket)
      this.#connections.delete(socket)
      socket.destroy()
    })
    this.#connections.set(socket, ended)
    await ended
  }

  async close(): Promise<void> {
    for (const socket of this.#connections.keys()) socket.destroy()
    await Promise.allSettled(this.#connections.values())
  }

  async #answer(socket: Socket): Promise<void> {
    const peer: { alias?: string } = {}
    try {
      const channel = classicChannel(readSocket(socket), message => void socket.write(message))
      await this.#serve(channel, socket, peer)
      await finished(socket)
    } catch (error) {
      this.#tell({ type: 'fault', alias: peer.alias, error })
      // what was refused has been told; a file that failed must not look whole
      if (SftError.is(error) && error.code.startsWith('ERR_SFT_CERT_')) await finished(socket)
      else socket.resetAndDestroy()
    }
  }

  async #serve(channel: ClassicChannel, socket: Socket, told: { alias?: string }): Promise<void> {
    const { deadlines = CLASSIC_DEADLINES } = this.#options
    const identity = this.#options.identity()
    if (this.#transfers >= MAX_TRANSFERS) {
      // an end at once, which tells a requester that it is not about the file
      await channel.reader.read(['SECE'], deadlines.first)
      return this.#tell({ type: 'fault', alias: undefined, error: busy() })
    }
    const peer = await greetRequester(channel, identity, deadlines)
    told.alias = peer.alias
    const request = await readRequest(channel, identity, deadlines)
    this.#greetings.delete(socket)
    if (this.#transfers >= MAX_TRANSFERS) throw busy()
    this.#transfers++
    try {
      if (this.#seen.take(request.payload) === 'seen') return this.#tell({ type: 'replay', alias: peer.alias })
      await using file = await this.#open(peer, request.name)
      if (file) await this.#send(socket, peer, file)
    } finally {
      this.#transfers--
    }
  }

  /** Whatever is not served is not there, for every reason alike (M147). */
  async #open({ alias }: ClassicPeer, path: string | undefined): Promise<OpenedFile | undefined> {
    const { to, hidden = true, audit } = this.#options
    audit?.check()
    const allowed = (to === undefined || to.includes(alias)) && (hidden || !isHidden(path ?? ''))
    const file = allowed && path !== undefined ? await this.#root.open(path).catch(notServed) : undefined
    if (file === undefined) this.#tell({ type: 'denied', alias, path })
    return file
  }

  async #send(socket: Socket, { alias, publicKey }: ClassicPeer, { fd, stat, pace, path }: OpenedFile): Promise<void> {
    const source = readFile(fd, { announced: stat, pace, size: CLASSIC_PIECE })
    await pipe(source, encryptFile(this.#options.pool, publicKey), (messages: Source<Uint8Array>) =>
      writeSocket(socket, this.#limit ? limited(this.#limit)(messages) : messages)
    )
    this.#tell({ type: 'transfer', alias, path, bytes: Number(stat.size) })
  }

  #tell(event: ClassicServeEvent): void {
    const { audit, onEvent } = this.#options
    onEvent?.(event)
    const { type, ...rest } = event
    const fields =
      'error' in rest
        ? { alias: rest.alias, reason: SftError.is(rest.error) ? rest.error.code : 'ERR_SFT_INTERNAL' }
        : rest
    audit
      ?.append({ type: `classic.${type}`, ...fields })
      .catch(error => onEvent?.({ type: 'fault', alias: undefined, error }))
  }
}

/** Ends in order; the requester has a while to close, since closing first could take its last bytes off it. */
async function finished(socket: Socket): Promise<void> {
  socket.end()
  socket.resume()
  if (!socket.destroyed)
    await atMost(
      CLOSE_MS,
      once(socket, 'close').catch(() => undefined)
    )
}

function isHidden(path: string): boolean {
  return path.split('/').some(component => component.startsWith('.'))
}

function notServed(error: unknown): undefined {
  if (!SftError.is(error) || error.code !== 'ERR_SFT_NOT_FOUND') throw error
}

function busy(): SftError {
  return new SftError('ERR_SFT_BUSY', `no more than ${MAX_TRANSFERS} classic transfers at once`)
}
