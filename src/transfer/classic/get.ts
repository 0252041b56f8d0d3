import { pipe } from 'it-pipe'
import {
  askForFile,
  CLASSIC_DEADLINES,
  type ClassicDeadlines,
  classicChannel,
  greetServer
} from '../../auth/classic/greeting.ts'
import type { ClassicIdentity } from '../../auth/classic/identity.ts'
import { SftError } from '../../streams/errors.ts'
import type { ExistingOptions } from '../../streams/existing.ts'
import type { RateLimit } from '../../streams/rate-limit.ts'
import { SocketReader } from '../../streams/socket-reader.ts'
import type { Source, Stage } from '../../streams/types.ts'
import type { ClassicPool } from '../../workers/classic-pool.ts'
import type { Destination, Written } from '../destination.ts'
import { type DialTarget, openSocket } from '../dial.ts'
import { openOutput, receivedName } from '../output.ts'
import { limitsOf } from '../transport.ts'
import { decryptFile, readBlocks } from './blocks.ts'
import { type ClassicExpectation, Tally } from './expectation.ts'

export interface ClassicGetOptions extends DialTarget, ExistingOptions {
  readonly identity: ClassicIdentity
  readonly pool: ClassicPool
  /** As the server knows it. */
  readonly name: string
  /** Who has to answer, by the certificate it shows. */
  readonly alias?: string | undefined
  /** A file, or a directory in which it is `received_<base name>`; default: that name, here. */
  readonly output?: string | undefined
  readonly expect?: ClassicExpectation | undefined
  /** Bytes of blocks a second. Default: 0, no limit. */
  readonly bwlimit?: number | undefined
  readonly deadlines?: ClassicDeadlines | undefined
  /** Told of every piece that has come, in bytes. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

export interface ClassicGot {
  /** Of the certificate that was shown, which proves nothing of who showed it. */
  readonly alias: string
  readonly bytes: number
  /** Of what has come, in hex. */
  readonly sha256: string
  /** The name that it has got in the place of its own, which was taken. */
  readonly renamed?: string | undefined
  /** True only where an expectation holds: else it is neither authenticated nor known to be whole (M150). */
  readonly asExpected: boolean
}

/**
 * Gets a file from a classic server, theirs or ours. Until the end it is a `.part`, and whatever has the name is untouched. Memory: 512 KiB of the
 * socket, and some batches of blocks.
 *
 * @throws SftError ERR_SFT_NOT_FOUND when nothing came, which an empty file is, too, unless its size was expected; ERR_SFT_EXPECTED for another file than was
 *   expected; ERR_SFT_EXISTS, ERR_SFT_FILE; those of `greetServer`, `readBlocks` and `decryptFile`; ERR_SFT_CONNECT, ERR_SFT_CONNECTION_LOST.
 */
export async function getClassic(options: ClassicGetOptions): Promise<ClassicGot> {
  const { identity, pool, name, alias, expect = {}, deadlines = CLASSIC_DEADLINES, signal } = options
  const destination = await openDestination(options)
  const bytes = new SocketReader()
  const socket = await openSocket(options, bytes)
  const stop = (): void => void socket.destroy()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const channel = classicChannel(bytes.attach(socket), message => void socket.write(message))
    const server = await greetServer(channel, identity, { alias, deadlines })
    askForFile(channel, server, name)
    const limits = limitsOf(options.bwlimit)
    const tally = new Tally(expect, options.onBytes)
    const blocks = readBlocks(channel.reader, identity.privateKey, deadlines)
    const sink = destination.sink({ created: Date.now() })
    const written: Written = await pipe(
      blocks,
      paced(limits?.received),
      decryptFile(pool, identity.privateKey),
      tally.stage,
      (source: Source<Uint8Array>) => sink(source)
    )
    const { sha256, asExpected } = tally.verdict()
    return { alias: server.alias, bytes: written.bytes, sha256, renamed: written.renamed, asExpected }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
    socket.destroy()
  }
}

/** The same batches, which stay whole: each a few blocks. */
function paced(limit: RateLimit | undefined): Stage<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return async function* (source) {
    for await (const batch of source) {
      await limit?.take(batch.byteLength)
      yield batch
    }
  }
}

async function openDestination({ name, output, existing, force, signal }: ClassicGetOptions): Promise<Destination> {
  const received = receivedName(name)
  const destination = await openOutput(output ?? received, { name: received, existing, force, signal })
  if (destination.kind === 'durable') return destination
  throw new SftError('ERR_SFT_USAGE', 'what a classic server sends goes into a file', {
    hint: 'only at its end can be said what it is'
  })
}
