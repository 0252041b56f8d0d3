import type { Claim, Dissected, Known } from '../model.ts'
import { WINDOW } from './anchors.ts'
import { count, Findings } from './claim.ts'
import { cutsOf, fitOf } from './file-sizes.ts'
import { isLong, noFileOf } from './forms.ts'
import { type Chunk, type Stream, streamName, streamsOf } from './streams.ts'

/**
 * The claim `nonces`. Where two chunks were sealed with the same keystream, C1⊕C2 = P1⊕P2, that is C1⊕P1 = C2⊕P2: so the beginning of every chunk is combined with what would
 * stand there if the stream were each of the files, and looked up among those before it. Wrong guesses agree by chance once in 2^128 pairs.
 */

interface Guess {
  readonly chunk: Chunk
  readonly stream: Stream
  readonly file: string
  readonly offset: number
}

const MAX_GUESSES = 1_000_000

export function judgeNonces(all: readonly Dissected[], { plain = [] }: Known): Claim {
  const findings = new Findings()
  const everything = streamsOf(all)
  const streams = everything.filter(({ strict }) => !strict)
  const long = plain.filter(isLong)
  const known = streams.filter(stream => long.some(({ bytes }) => fitOf(stream, bytes.byteLength)?.off === 0))
  const compared = compare(findings, streams, plain)
  if (plain.length === 0) findings.doubt('No file was given: without one, keystreams can not be compared.')
  else if (long.length === 0) findings.doubt(noFileOf(plain))
  else if (streams.length < everything.length)
    findings.doubt(
      `${count(everything.length - streams.length, 'stream')} of the strict suite: what is in the chunks is RSA blocks, which nobody knows (SPEC §7.6).`
    )
  else if (known.length === 0) findings.doubt('No stream has the sizes of a file that was given.')
  findings.note(
    `${count(compared, 'keystream')} compared, of the beginnings of chunks in ${count(streams.length, 'stream')}, each as if it were each of ${count(plain.length, 'file')}; ${known.length} have the sizes of one.`
  )
  return findings.claim('nonces')
}

function compare(findings: Findings, streams: readonly Stream[], plain: NonNullable<Known['plain']>): number {
  const keystreams = new Map<string, Guess>()
  const told = new Map<Chunk, Set<Chunk>>()
  for (const stream of streams)
    for (const { guess, keystream } of guessesOf(stream, plain)) {
      const before = keystreams.get(keystream)
      if (before === undefined) keystreams.set(keystream, guess)
      else if (before.chunk !== guess.chunk && !isTold(told, before.chunk, guess.chunk))
        findings.fault(...sameKeystream(before, guess))
      if (keystreams.size < MAX_GUESSES) continue
      findings.doubt(`Only the first ${count(MAX_GUESSES, 'keystream')} were compared.`)
      return keystreams.size
    }
  return keystreams.size
}

/** Two chunks are told once: with the files changed about, they agree again. */
function isTold(told: Map<Chunk, Set<Chunk>>, one: Chunk, other: Chunk): boolean {
  const others = told.get(one) ?? new Set()
  told.set(one, others)
  return others.size === others.add(other).size
}

function* guessesOf(stream: Stream, plain: NonNullable<Known['plain']>) {
  const cuts = new Set(cutsOf(stream).map(({ file }) => file))
  // the likely ones first: two wrong guesses agree where two right ones do
  const fits = ({ bytes }: (typeof plain)[number]): boolean => fitOf(stream, bytes.byteLength)?.off === 0
  const files = [...plain.filter(fits), ...plain.filter(file => !fits(file))]
  let passed = 0
  for (const chunk of stream.chunks) {
    const offsets = new Set([passed, ...[...cuts].map(size => chunk.index * size)])
    passed += chunk.length
    if (chunk.length < WINDOW) continue
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
