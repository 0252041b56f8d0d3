import type { Claim, Dissected, Known } from '../model.ts'
import { WINDOW } from './anchors.ts'
import { count, Findings } from './claim.ts'
import { cutsOf, hasSizesOf } from './file-sizes.ts'
import { isLong, noFileOf } from './forms.ts'
import { compareWhole, type Guess, type Plain } from './keystreams.ts'
import { isInGap } from './parts.ts'
import { type Chunk, type Stream, streamName, streamsOf } from './streams.ts'

/**
 * The claim `nonces`. Where two places were sealed with the same keystream, C1⊕C2 = P1⊕P2, that is C1⊕P1 = C2⊕P2. A stream that has exactly the sizes of a file is combined with
 * that file, and all that comes of it compared with each other (`keystreams.ts`). Beside that, the beginning of every chunk is combined with what would stand there if the stream
 * were each of the files, and looked up among those before it. Wrong guesses agree by chance once in 2^128 pairs.
 */

const MAX_GUESSES = 1_000_000
/** Pairs of chunks that are told. */
const MAX_TOLD = 1000

export function judgeNonces(all: readonly Dissected[], { plain = [] }: Known): Claim {
  const findings = new Findings()
  const everything = streamsOf(all)
  const streams = everything.filter(({ strict }) => !strict)
  const long = plain.filter(isLong)
  const known = streams.filter(stream => long.some(({ bytes }) => hasSizesOf(stream, bytes.byteLength)))
  const told = new Told(findings)
  const whole = compareWhole(findings, known, long, (one, other) => told.tell(one, other))
  const compared = compareBeginnings(findings, told, streams, long)
  if (plain.length === 0) findings.doubt('No file was given: without one, keystreams can not be compared.')
  else if (long.length === 0) findings.doubt(noFileOf(plain))
  else if (streams.length < everything.length)
    findings.doubt(
      `${count(everything.length - streams.length, 'stream')} of the strict suite: what is in the chunks is RSA blocks, which nobody knows (SPEC §7.6).`
    )
  else if (known.length === 0) findings.doubt('No stream has the sizes of a file that was given.')
  findings.note(
    `${count(known.length, 'stream')} with exactly the sizes of one of ${count(plain.length, 'file')}: ${count(whole, 'byte')} of keystream compared with each other, every ${WINDOW} bytes in a row.`
  )
  findings.note(
    `Of all ${count(streams.length, 'stream')}, as if each were each of the files, the first ${WINDOW} bytes of every chunk: ${count(compared, 'keystream')} compared. Of a stream that has the sizes of none nothing else is.`
  )
  return findings.claim('nonces')
}

function compareBeginnings(findings: Findings, told: Told, streams: readonly Stream[], plain: Plain): number {
  const keystreams = new Map<string, Guess>()
  for (const stream of streams)
    for (const { guess, keystream } of guessesOf(stream, plain)) {
      const before = keystreams.get(keystream)
      if (before === undefined) keystreams.set(keystream, guess)
      else if (before.chunk !== guess.chunk) told.tell(before, guess)
      if (keystreams.size < MAX_GUESSES) continue
      findings.doubt(`Only the first ${count(MAX_GUESSES, 'keystream')} were compared.`)
      return keystreams.size
    }
  return keystreams.size
}

/** Pairs of chunks that were told: with the files changed about, or a few bytes on, they agree again. */
class Told {
  readonly #findings: Findings
  readonly #pairs = new Map<Chunk, Set<Chunk>>()
  #count = 0

  constructor(findings: Findings) {
    this.#findings = findings
  }

  tell(one: Guess, other: Guess): void {
    const others = this.#pairs.get(one.chunk) ?? new Set()
    if (this.#count === MAX_TOLD || others.has(other.chunk)) return
    this.#pairs.set(one.chunk, others.add(other.chunk))
    this.#count++
    this.#findings.fault(...sameKeystream(one, other))
  }
}

function* guessesOf(stream: Stream, plain: Plain) {
  const cuts = new Set(cutsOf(stream).map(({ file }) => file))
  // the likely ones first: two wrong guesses agree where two right ones do
  const fits = ({ bytes }: Plain[number]): boolean => hasSizesOf(stream, bytes.byteLength)
  const files = [...plain.filter(fits), ...plain.filter(file => !fits(file))]
  let passed = 0
  for (const chunk of stream.chunks) {
    const offsets = new Set([passed, ...[...cuts].map(size => chunk.index * size)])
    passed += chunk.length
    if (chunk.length < WINDOW || isInGap(chunk.side.flow, chunk.at, chunk.at + WINDOW - 1)) continue
    for (const { name, bytes } of files)
      for (const offset of offsets) {
        if (offset + WINDOW > bytes.byteLength) continue
        const guess: Guess = { chunk, stream, file: name, offset }
        yield { guess, keystream: xor(chunk.side.flow.bytes, chunk.at, bytes, offset) }
      }
  }
}

function xor(one: Uint8Array, at: number, other: Uint8Array, from: number): string {
  const out = Buffer.alloc(WINDOW)
  for (let i = 0; i < WINDOW; i++) out[i] = (one[at + i] as number) ^ (other[from + i] as number)
  return out.toString('latin1')
}

function sameKeystream(one: Guess, other: Guess): [string, number[]] {
  const place = ({ chunk, stream, file, offset }: Guess): string =>
    `chunk ${chunk.index} of ${streamName(stream)} with byte ${offset.toLocaleString('en-US')} on of ${JSON.stringify(file)}`
  const text = `C1⊕C2 = P1⊕P2 for ${place(one)} and ${place(other)}: one keystream sealed both.`
  return [text, [one, other].map(({ chunk }) => chunk.side.flow.packetAt(chunk.at))]
}
