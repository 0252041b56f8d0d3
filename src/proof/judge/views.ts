import { randomBytes } from 'node:crypto'
import { type Budget, inflations } from './inflations.ts'
import { Pieces } from './pieces.ts'
import type { Stretch } from './window-index.ts'

/**
 * The same bytes as somebody else would read them: as they are, and what they decode to where they look like base64, hex or something compressed. What is inside what was decoded
 * is decoded in its turn.
 */

export interface View extends Stretch {
  /** In words for evidence: `as they are`, `in base64`, `compressed with gzip` … */
  readonly how: string
  /** Of what was inflated: random bytes inflate to something too, mostly a few bytes again and again. */
  readonly inflated: boolean
  /** Where in the bytes that were looked at what is at `at` here begins. */
  origin(at: number): number
}

/** How they were read, in words for evidence; of what stands there as it is, nothing. */
export const readAs = ({ how }: View): string => how.replace(/^as they are ?/, '')

/** What some bytes decode to. */
export interface Decoded extends Omit<View, 'from' | 'to'> {
  /** Many together, each too short to be decoded again by itself. */
  readonly scraps?: true
}

interface Alphabet {
  readonly how: string
  /** Bits that a character stands for, and how many of them there can be before a byte begins. */
  readonly bits: 4 | 6
  readonly phases: number
  /** Its value, BREAK for what may stand between, OTHER. */
  readonly values: Uint8Array
}

const BREAK = 254
const OTHER = 255
/** Fewer characters decode to nothing that could be told from chance. */
const MIN_CHARACTERS = 8
/** Characters that are decoded at a time, and those that come again in the next piece: more than any text has. */
const PIECE = 64 * 1024
const OVERLAP = 8 * 1024
/** How many times what was decoded is decoded again, and from how many bytes on. */
const DEPTH = 2
const MIN_NESTED = 64
/** What is shorter is looked through together, so many bytes at a time: text is full of words that could be base64. */
const MOST_SCRAPS = 64 * 1024
/** Between two of them, so that they make nothing together; made of chance, since no file has it. */
const BETWEEN = randomBytes(4)

const BASE64 = alphabet('in base64', 6, 4, ['A-Z', 'a-z', '0-9', '+-', '/_'], '\r\n')
const HEX = alphabet('in hex', 4, 2, ['0-9', 'a-f'], '\r\n :')
for (const letter of 'ABCDEF') HEX.values[letter.charCodeAt(0)] = Number.parseInt(letter, 16)

/** Every reading of `bytes`; `starts` are places where a message, and so something compressed, may begin. */
export async function* viewsOf(
  bytes: Uint8Array,
  starts: readonly number[],
  budget: Budget,
  depth = DEPTH
): AsyncGenerator<View> {
  yield { bytes, from: 0, to: bytes.byteLength, how: 'as they are', inflated: false, origin: at => at }
  if (depth === 0) return
  for await (const decoded of readings(bytes, starts, budget)) {
    if (!decoded.scraps && decoded.bytes.byteLength < MIN_NESTED) {
      yield { ...decoded, from: 0, to: decoded.bytes.byteLength }
      continue
    }
    for await (const inner of viewsOf(decoded.bytes, decoded.scraps ? [] : [0], budget, depth - 1)) {
      const how = inner.how === 'as they are' ? decoded.how : `${inner.how} ${decoded.how}`
      const inflated = inner.inflated || decoded.inflated
      yield { ...inner, how, inflated, origin: at => decoded.origin(inner.origin(at)) }
    }
  }
}

async function* readings(bytes: Uint8Array, starts: readonly number[], budget: Budget): AsyncGenerator<Decoded> {
  yield* decodings(bytes, BASE64)
  yield* decodings(bytes, HEX)
  yield* inflations(bytes, starts, budget)
}

function* decodings(bytes: Uint8Array, alphabet: Alphabet): Generator<Decoded> {
  let scraps = new Pieces(alphabet.how)
  for (const decoded of decodedRuns(bytes, alphabet)) {
    if (decoded.bytes.byteLength >= MIN_NESTED) {
      yield decoded
      continue
    }
    for (const piece of [decoded.bytes, BETWEEN]) scraps.add(piece, decoded.origin)
    if (scraps.length < MOST_SCRAPS) continue
    yield { ...scraps.joined(), inflated: false, scraps: true }
    scraps = new Pieces(alphabet.how)
  }
  if (scraps.count > 0) yield { ...scraps.joined(), inflated: false, scraps: true }
}

function* decodedRuns(bytes: Uint8Array, alphabet: Alphabet): Generator<Decoded> {
  const { values } = alphabet
  for (let at = 0; at < bytes.byteLength; at++) {
    if ((values[bytes[at] as number] as number) >= BREAK) continue
    let end = at + 1
    while (end < bytes.byteLength && (values[bytes[end] as number] as number) !== OTHER) end++
    // a line break that stands as an escape, as in JSON
    while (end + 2 < bytes.byteLength && isEscapedBreak(bytes, end)) {
      end += 2
      while (end < bytes.byteLength && (values[bytes[end] as number] as number) !== OTHER) end++
    }
    if (end - at >= MIN_CHARACTERS) yield* decodedRun(bytes, at, end, alphabet)
    at = end
  }
}

const isEscapedBreak = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x5c && (bytes[at + 1] === 0x6e || bytes[at + 1] === 0x72)

/** The characters from `from` to `to`, beginning at each bit that a byte can begin with. */
function* decodedRun(bytes: Uint8Array, from: number, to: number, alphabet: Alphabet): Generator<Decoded> {
  for (let at = from; at < to; ) {
    const { digits, places, end } = digitsOf(bytes, at, to, alphabet)
    const last = digits.byteLength - 1
    for (let phase = 0; phase < alphabet.phases && last + 1 >= MIN_CHARACTERS; phase++)
      yield {
        bytes: packed(digits.subarray(phase), alphabet.bits),
        how: alphabet.how,
        inflated: false,
        origin: index => places[Math.min(last, phase + Math.floor((index * 8) / alphabet.bits))] as number
      }
    at = end < to ? (places[last + 1 - OVERLAP] as number) : to
  }
}

/** The values of the next characters, where each of them stands, and where the rest begins. */
function digitsOf(bytes: Uint8Array, from: number, to: number, { values }: Alphabet) {
  const room = Math.min(to - from, PIECE)
  const digits = new Uint8Array(room)
  const places = new Uint32Array(room)
  let length = 0
  let at = from
  for (; at < to && length < room; at++) {
    const value = values[bytes[at] as number] as number
    // OTHER is the front of an escaped line break, whose letter is none of the characters
    if (value === OTHER) at++
    if (value >= BREAK) continue
    digits[length] = value
    places[length++] = at
  }
  return { digits: digits.subarray(0, length), places, end: at }
}

function packed(digits: Uint8Array, bits: 4 | 6): Uint8Array {
  const out = new Uint8Array(Math.floor((digits.byteLength * bits) / 8))
  let [held, have, length] = [0, 0, 0]
  for (const digit of digits) {
    held = ((held << bits) | digit) & 0xffff
    have += bits
    if (have >= 8) {
      have -= 8
      out[length++] = held >>> have
    }
  }
  return out
}

/** Ranges are `A-Z`; of two other characters together both have the same value, as in the two alphabets of base64. */
function alphabet(how: string, bits: 4 | 6, phases: number, ranges: readonly string[], breaks: string): Alphabet {
  const values = new Uint8Array(256).fill(OTHER)
  let value = 0
  for (const range of ranges) {
    const [first, last] = [range.charCodeAt(0), range.charCodeAt(range.length - 1)]
    if (range.length === 3) for (let code = first; code <= last; code++) values[code] = value++
    else {
      values[first] = value
      values[last] = value++
    }
  }
  for (const character of breaks) values[character.charCodeAt(0)] = BREAK
  return { how, bits, phases, values }
}
