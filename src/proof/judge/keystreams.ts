import type { Known } from '../model.ts'
import { WINDOW } from './anchors.ts'
import { count, type Findings } from './claim.ts'
import { fitOf } from './file-sizes.ts'
import { compareInLots } from './lots.ts'
import { isInGap } from './parts.ts'
import type { Chunk, Stream } from './streams.ts'
import type { Match, Stretch } from './window-index.ts'

/**
 * The keystreams of streams that have exactly the sizes of a file, C⊕P of each chunk, compared with each other at any two places, in lots. Each is
 * made when its turn comes: a lot is all that is held, and takes 280 MiB.
 */

export type Plain = NonNullable<Known['plain']>

/** What would stand in a chunk, from a byte of a file on. */
export interface Guess {
  readonly chunk: Chunk
  readonly stream: Stream
  readonly file: string
  readonly offset: number
}

interface Guessed extends Guess {
  readonly plain: Uint8Array
}

interface Keystream extends Stretch {
  readonly guess: Guess
}

/** Of all of them: many files of one size make one of each stream with that size. */
const MAX_BYTES = 512 << 20

/**
 * Calls `found` for what has 16 bytes of keystream in common: where these begin in either.
 *
 * @returns how many bytes were compared
 */
export function compareWhole(
  findings: Findings,
  streams: readonly Stream[],
  plain: Plain,
  found: (one: Guess, other: Guess) => void
): number {
  const guesses = fewOf(findings, streams, plain)
  compareInLots(guesses, { sizeOf: ({ chunk }) => chunk.length, stretchOf: keystreamOf }, (match, keystream) => {
    if (!isSamePlace(match, keystream)) found(moved(match.source, match.sourceAt), moved(keystream, match.at))
  })
  return sizeOf(guesses)
}

/** Those that are compared; that there are more is said. */
function fewOf(findings: Findings, streams: readonly Stream[], plain: Plain): Guessed[] {
  const guesses: Guessed[] = []
  let size = 0
  for (const guess of guessesOf(streams, distinct(plain))) {
    size += guess.chunk.length
    if (size <= MAX_BYTES) guesses.push(guess)
  }
  if (size > MAX_BYTES)
    findings.doubt(
      `Only ${count(sizeOf(guesses), 'byte')} of keystream were compared with each other, of ${count(size, 'byte')}.`
    )
  return guesses
}

function* guessesOf(streams: readonly Stream[], plain: Plain): Generator<Guessed> {
  for (const stream of streams) for (const file of plain) yield* guessesAs(stream, file)
}

/** Each chunk with what stands in it if the stream has exactly the sizes of the file. */
function* guessesAs(stream: Stream, { name, bytes }: Plain[number]): Generator<Guessed> {
  const fit = fitOf(stream, bytes.byteLength)
  if (fit?.off !== 0) return
  let passed = 0
  for (const chunk of stream.chunks) {
    const offset = fit.cut ? chunk.index * fit.cut.file : passed
    passed += chunk.length
    const { at, length, side } = chunk
    // where the capture lacks bytes, what comes of it is the file
    if (length < WINDOW || offset + length > bytes.byteLength || isInGap(side.flow, at, at + length - 1)) continue
    yield { chunk, stream, file: name, offset, plain: bytes }
  }
}

/** One of each content: the same file twice has one keystream. */
function distinct(plain: Plain): Plain {
  const files: Plain[number][] = []
  for (const file of plain) if (!files.some(({ bytes }) => Buffer.compare(bytes, file.bytes) === 0)) files.push(file)
  return files
}

const sizeOf = (guesses: readonly Guess[]): number => guesses.reduce((sum, { chunk }) => sum + chunk.length, 0)

function keystreamOf(guess: Guessed): Keystream {
  const { chunk, plain, offset } = guess
  const sealed = chunk.side.flow.bytes
  const bytes = new Uint8Array(chunk.length)
  for (let i = 0; i < bytes.byteLength; i++) bytes[i] = (sealed[chunk.at + i] as number) ^ (plain[offset + i] as number)
  return { guess, bytes, from: 0, to: bytes.byteLength }
}

/** One chunk, as if it were two files that have the same bytes there. */
function isSamePlace({ source, sourceAt, at }: Match<Keystream>, { guess }: Keystream): boolean {
  return source.guess.chunk === guess.chunk && sourceAt === at
}

const moved = ({ guess }: Keystream, at: number): Guess => ({ ...guess, offset: guess.offset + at })
