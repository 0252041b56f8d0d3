import { bufferOf } from '../capture/packet.ts'
import { chunksAt, type Head, headAt } from '../dissect/http-head.ts'
import type { Frame } from '../model.ts'
import { namedValues } from './named-values.ts'
import type { Side } from './parts.ts'
import { type Joined, Pieces } from './pieces.ts'

/** What HTTP carries in pieces, put together: the chunks of a body, and the values of its heads, those of all names and those of one. */

/** Values are looked through as many bytes or pieces at a time, and the last of them again with the next. */
const MOST_BYTES = 256 * 1024
const MOST_VALUES = 8192
const OVERLAP = 8 * 1024
/** Names whose values are joined: a capture full of names can not fill the memory. */
const MAX_NAMES = 200
const BASE64 = /^[A-Za-z0-9+/_-]{2,}={0,2}$/

export function* joinedOf(side: Side): Generator<Joined> {
  if (side.of.protocol !== 'http') return
  const values = new Values()
  for (const { head, chunks } of httpPartsOf(side)) {
    if (head) yield* values.add(head)
    if (chunks) yield chunks
  }
  yield* values.rest()
}

interface HttpPart {
  readonly frame: Frame
  /** Of a body nothing. */
  readonly head: Head | undefined
  /** Of a body in chunks. */
  readonly chunks: Joined | undefined
}

/** Heads and bodies, in order. */
export function* httpPartsOf({ flow, direction, frames }: Side): Generator<HttpPart> {
  const bytes = bufferOf(flow.bytes)
  let last: Head | undefined
  for (const frame of frames) {
    const isBody = frame.label.startsWith('body of ')
    const head = isBody ? undefined : headAt(bytes, frame.at, direction)
    const chunks = isBody && last?.body === 'chunked' ? joinedChunks(bytes, frame) : undefined
    yield { frame, head, chunks }
    last = head
  }
}

function joinedChunks(bytes: Buffer, { at, length }: Frame): Joined {
  const pieces = new Pieces('joined chunks of HTTP')
  for (const chunk of chunksAt(bytes.subarray(0, at + length), at))
    pieces.add(bytes.subarray(chunk.at, chunk.at + chunk.length), within => chunk.at + within)
  return pieces.joined()
}

/** The values of the heads of one side, as they come: as they are, and what each is the base64 of, for with each of its ends joined base64 breaks off. */
class Values {
  readonly #all = new Map<string, Pieces>()
  /** Of each name the last one: what comes with every request says nothing new. */
  readonly #last = new Map<string, string>();

  *add(head: Head): Generator<Joined> {
    for (const { field, name = '', text, at } of namedValues(head)) {
      // what is cut into parts has names such as `part1`
      const own = ` ${field} ${name}`.replace(/\d/g, '')
      if (this.#repeats(own, text)) continue
      const plain = decodedPercent(text)
      const decoded = BASE64.test(plain) ? Buffer.from(plain, 'base64') : undefined
      for (const [key, heads] of [
        ['', 'HTTP heads'],
        [own, 'one name in HTTP heads']
      ] as const) {
        yield* this.#addTo(key, `joined values of ${heads}`, Buffer.from(plain, 'latin1'), at)
        if (decoded) yield* this.#addTo(`64${key}`, `joined base64 of ${heads}`, decoded, at)
      }
    }
  }

  #repeats(name: string, text: string): boolean {
    const repeats = this.#last.get(name) === text
    if (this.#last.has(name) || this.#last.size < MAX_NAMES) this.#last.set(name, text)
    return repeats
  }

  *#addTo(key: string, how: string, bytes: Uint8Array, at: number): Generator<Joined> {
    if (!this.#all.has(key) && this.#all.size >= 2 * MAX_NAMES) return
    const pieces = this.#all.get(key) ?? new Pieces(how)
    this.#all.set(key, pieces)
    pieces.add(bytes, within => at + within)
    if (pieces.length < MOST_BYTES && pieces.count < MOST_VALUES) return
    yield pieces.joined()
    this.#all.set(key, pieces.end(OVERLAP))
  }

  *rest(): Generator<Joined> {
    for (const pieces of this.#all.values()) yield pieces.joined()
  }
}

/** Bytes with a character for each; what is not encoded stays as it is. */
const decodedPercent = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
