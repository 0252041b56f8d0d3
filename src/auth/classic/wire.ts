import { SftError } from '../../streams/errors.ts'
import { gather } from '../../streams/gather.ts'
import type { Source, Stage } from '../../streams/types.ts'

/** Messages of the classic system (SPEC §14.2): `type[4] ‖ u32 length ‖ payload`. */

export const CLASSIC_TYPES = ['SECE', 'RSCV', 'RSCI', 'RQFL', 'RSFL'] as const
/** `SECE`, `RSCV`: a certificate; `RSCI`: refused; `RQFL`: a name; `RSFL`: a block of the file. */
export type ClassicType = (typeof CLASSIC_TYPES)[number]

export interface ClassicMessage {
  readonly type: ClassicType
  readonly payload: Uint8Array
}

/** M141: bytes of the longest payload: a certificate has 1.6 KB, a block at most 512. */
export const MAX_CLASSIC_PAYLOAD = 4096
const TYPE_BYTES = 4
const HEADER_BYTES = 8

/** Writes a message into one buffer: a classic peer reads type and length with one `recv` each, and takes fewer bytes for the end. */
export function encodeClassic(type: ClassicType, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const message = Buffer.alloc(HEADER_BYTES + payload.byteLength)
  message.write(type, 'latin1')
  message.writeUInt32BE(payload.byteLength, TYPE_BYTES)
  message.set(payload, HEADER_BYTES)
  return message
}

/**
 * Takes messages out of bytes in pieces of any size; memory is one message. The end of the bytes is one of the messages only between two of them.
 *
 * @throws SftError ERR_SFT_FRAME_TYPE for a type that is none, ERR_SFT_FRAME_TOO_LARGE before memory is taken, ERR_SFT_TRUNCATED.
 */
export function classicMessages(): Stage<Uint8Array, ClassicMessage> {
  return async function* (source) {
    const bytes = gather(source)
    try {
      for (;;) {
        const first = await bytes.next(1)
        if (first.done) return
        const rest = await bytes.next(HEADER_BYTES - 1)
        const { type, length } = parseHeader(Buffer.concat([first.value, rest.value as Uint8Array]))
        const payload = length === 0 ? new Uint8Array(0) : await payloadOf(bytes, length)
        yield { type, payload }
      }
    } finally {
      await bytes.close()
    }
  }
}

async function payloadOf(bytes: ReturnType<typeof gather>, length: number): Promise<Uint8Array> {
  // of one byte, gather takes the end for a clean one
  const read = await bytes.next(length)
  if (read.done) throw new SftError('ERR_SFT_TRUNCATED', 'input ends inside a message')
  return read.value
}

function parseHeader(header: Buffer): { type: ClassicType; length: number } {
  const name = header.toString('latin1', 0, TYPE_BYTES)
  const type = CLASSIC_TYPES.find(known => known === name)
  if (type === undefined) throw new SftError('ERR_SFT_FRAME_TYPE', 'no type of a classic message')
  const length = header.readUInt32BE(TYPE_BYTES)
  if (length > MAX_CLASSIC_PAYLOAD)
    throw new SftError(
      'ERR_SFT_FRAME_TOO_LARGE',
      `a classic message of ${length} bytes, at most ${MAX_CLASSIC_PAYLOAD}`
    )
  return { type, length }
}

/** Messages one after the other, each of which has to come in time (M142). */
export class ClassicReader {
  readonly #messages: AsyncGenerator<ClassicMessage, void, undefined>

  constructor(source: Source<Uint8Array>) {
    this.#messages = classicMessages()(source)
  }

  /**
   * The next message, of one of these types; `undefined` at the end.
   *
   * @param ms until all of it has to be there
   * @throws SftError ERR_SFT_TIMEOUT, after which the caller ends the connection; ERR_SFT_FRAME_TYPE for another type; those of `classicMessages`.
   */
  async read(types: readonly ClassicType[], ms: number): Promise<ClassicMessage | undefined> {
    const { value: message } = await this.#within(ms)
    if (message && !types.includes(message.type))
      throw new SftError('ERR_SFT_FRAME_TYPE', `a classic message ${message.type} that has no place here`)
    return message ?? undefined
  }

  async #within(ms: number): Promise<IteratorResult<ClassicMessage, void>> {
    const late = Promise.withResolvers<never>()
    const expire = (): void => late.reject(new SftError('ERR_SFT_TIMEOUT', 'nothing arrived in time'))
    const timer = setTimeout(expire, ms)
    try {
      return await Promise.race([this.#messages.next(), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}
