import { SftError } from '../../streams/errors.ts'
import type { Source } from '../../streams/types.ts'
import { blockCapacity, blockSize, decryptBlock, encryptBlock } from '../../workers/classic-blocks.ts'
import { type ClassicPeer, verifyClassicCertificate } from './certificate.ts'
import type { ClassicIdentity } from './identity.ts'
import { type ClassicMessage, ClassicReader, encodeClassic } from './wire.ts'

/** What classic peers say before the file (SPEC §14.2): certificates, and a name. It authenticates nobody: see A4. */

/** One connection: messages come in order, bytes of whole messages go out. */
export interface ClassicChannel {
  readonly reader: ClassicReader
  write(message: Uint8Array): void
}

export function classicChannel(source: Source<Uint8Array>, write: (message: Uint8Array) => void): ClassicChannel {
  return { reader: new ClassicReader(source), write }
}

/** Milliseconds of M142. */
export const CLASSIC_DEADLINES = { first: 5000, greeting: 10_000, firstBlock: 15_000, block: 30_000 } as const
export type ClassicDeadlines = { readonly [K in keyof typeof CLASSIC_DEADLINES]: number }

/**
 * Shows one's certificate and checks the other's.
 *
 * @param alias who has to answer; anybody whom the root knows when absent
 * @throws SftError ERR_SFT_REFUSED_BY_PEER for `RSCI`, ERR_SFT_BUSY for an end in its place; those of the certificate check and of the reader.
 */
export async function greetServer(
  { reader, write }: ClassicChannel,
  { pem, root }: ClassicIdentity,
  { alias, deadlines = CLASSIC_DEADLINES }: { alias?: string | undefined; deadlines?: ClassicDeadlines } = {}
): Promise<ClassicPeer> {
  write(encodeClassic('SECE', pem))
  const answer = await reader.read(['RSCV', 'RSCI'], deadlines.greeting)
  if (answer === undefined) throw new SftError('ERR_SFT_BUSY', 'the classic server ended the connection at once')
  if (answer.type === 'RSCI')
    throw new SftError('ERR_SFT_REFUSED_BY_PEER', 'the classic server does not take our certificate')
  return verifyClassicCertificate(answer.payload, { root, alias })
}

/** Asks for a file. @throws SftError ERR_SFT_USAGE for a name that does not fit into one block. */
export function askForFile({ write }: ClassicChannel, { publicKey }: ClassicPeer, name: string): void {
  const bytes = Buffer.from(name)
  const most = blockCapacity(publicKey)
  if (bytes.byteLength === 0 || bytes.byteLength > most)
    throw new SftError('ERR_SFT_USAGE', `a classic server takes names of 1 to ${most} bytes`)
  write(encodeClassic('RQFL', encryptBlock(publicKey, bytes)))
}

/**
 * Checks the certificate of a requester and shows one's own; a bad one is answered with `RSCI`.
 *
 * @throws SftError those of the certificate check and of the reader; ERR_SFT_TRUNCATED for an end before anything came.
 */
export async function greetRequester(
  { reader, write }: ClassicChannel,
  { pem, root }: ClassicIdentity,
  deadlines: ClassicDeadlines = CLASSIC_DEADLINES
): Promise<ClassicPeer> {
  const { payload } = required(await reader.read(['SECE'], deadlines.first))
  try {
    const peer = verifyClassicCertificate(payload, { root })
    write(encodeClassic('RSCV', pem))
    return peer
  } catch (error) {
    write(encodeClassic('RSCI'))
    throw error
  }
}

/** A request as it came: the ciphertext, and the name in it; `undefined` for whatever is no name (A17). */
export interface ClassicRequest {
  readonly payload: Uint8Array
  readonly name: string | undefined
}

/** Reads what a requester wants. @throws SftError those of the reader. */
export async function readRequest(
  { reader }: ClassicChannel,
  { privateKey }: ClassicIdentity,
  deadlines: ClassicDeadlines = CLASSIC_DEADLINES
): Promise<ClassicRequest> {
  const { payload } = required(await reader.read(['RQFL'], deadlines.greeting))
  const name = payload.byteLength === blockSize(privateKey) ? decryptBlock(privateKey, payload) : undefined
  return { payload, name: name && nameOf(name) }
}

function nameOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString('utf8')
  return Buffer.from(text).equals(bytes) ? text : undefined
}

function required(message: ClassicMessage | undefined): ClassicMessage {
  if (message) return message
  throw new SftError('ERR_SFT_TRUNCATED', 'the connection ended before a request')
}
