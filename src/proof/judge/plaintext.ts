import type { Claim, Known } from '../model.ts'
import { WINDOW } from './anchors.ts'
import { count, Findings } from './claim.ts'
import { areRecoded, type File, isLong, noFileOf, otherLots, type Source, sourceOf } from './forms.ts'
import { NOT_ALL_INFLATED } from './inflations.ts'
import { isInGap, isSealedAt, type Side, sent, sum } from './parts.ts'
import type { View } from './views.ts'
import { type Match, WindowIndex } from './window-index.ts'

/**
 * The claim `plaintext`: 16 bytes in a row of a file, in any reading of any flow, and of what the file compresses to. The files are indexed once, which takes about 3 times
 * their size beside them, and what they compress to in lots of at most as much, one after the other.
 */

interface Seen {
  readonly source: Source
  readonly side: Side
  readonly how: string
  bytes: number
  times: number
  /** Where the last of it ended, in what was read last. */
  end: number
  view: View | undefined
  readonly first: number
  readonly packets: Set<number>
}

/** Bytes that repeat themselves within so many are nothing of a file in particular … */
const PERIOD = 8
/** … unless there are as many as no protocol fills up with. */
const MANY = 512
const MAX_MATCHES = 100_000

export class PlaintextSearch {
  readonly #files: readonly File[]
  readonly #sides: readonly Side[]
  readonly #index: WindowIndex<Source>
  readonly #seen = new Map<string, Seen>()
  #matches = 0

  constructor(sides: readonly Side[], { plain = [] }: Known) {
    this.#files = plain
    this.#sides = sides
    this.#index = indexOf(plain.map(file => sourceOf(file, file.bytes, 'as it is')))
  }

  look(side: Side, view: View): void {
    this.#lookFor(this.#index, side, view)
  }

  #lookFor(index: WindowIndex<Source>, side: Side, view: View): void {
    if (this.#matches >= MAX_MATCHES) return
    index.search(
      view,
      match => this.#take(match, side, view),
      match => counts(match, side, view)
    )
  }

  #take({ source, at, length }: Match<Source>, side: Side, view: View): void {
    const key = [source.file.name, source.form, view.how, sent(side)].join('\n')
    const origin = view.origin(at)
    const none = { bytes: 0, times: 0, end: 0, view: undefined, first: origin, packets: new Set<number>() }
    const seen: Seen = this.#seen.get(key) ?? { source, side, how: view.how, ...none }
    this.#seen.set(key, seen)
    this.#matches++
    // one match may begin in the last bytes of the one before
    const goesOn = seen.view === view && at < seen.end
    seen.bytes += goesOn ? at + length - seen.end : length
    if (!goesOn) seen.times++
    seen.end = at + length
    seen.view = view
    seen.packets.add(side.flow.packetAt(origin))
  }

  /** Looks for what the files compress to, and text in other encodings, and says what was found in all. */
  claim(exhausted = false): Claim {
    const findings = new Findings()
    if (exhausted) findings.doubt(NOT_ALL_INFLATED)
    for (const seen of this.#sides.flatMap(inTheClear)) findings.fault(...seen)
    if (!this.#files.some(isLong)) findings.doubt(noFileOf(this.#files))
    this.#searchOtherForms()
    for (const { source, side, how, bytes, times, first, packets } of this.#seen.values()) {
      const what = source.form === 'as it is' ? '' : `, ${source.form}`
      const where = `${how} in ${sent(side)}, first at byte ${first.toLocaleString('en-US')}`
      const more = this.#matches >= MAX_MATCHES ? ' or more' : ''
      findings.fault(
        `${JSON.stringify(source.file.name)}${what}: ${count(bytes, 'byte')}${more} in ${count(times, 'place')} ${where}.`,
        packets
      )
    }
    if (this.#files.length > 0) findings.note(this.#searched())
    const heads = sum(this.#sides.map(plainHeads))
    if (heads > 0) findings.note(this.#ofHeads(heads))
    for (const { name, bytes } of this.#files) {
      const short = `${JSON.stringify(name)} has ${count(bytes.byteLength, 'byte')}`
      if (bytes.byteLength === 0) findings.note(`${short}: there is nothing of it to look for.`)
      else if (bytes.byteLength < WINDOW) findings.doubt(`${short}: fewer than ${WINDOW} are not looked for.`)
    }
    return findings.claim('plaintext')
  }

  #searchOtherForms(): void {
    for (const lot of otherLots(this.#files)) {
      const index = indexOf(lot)
      for (const side of this.#sides) {
        const { bytes } = side.flow
        const view = { bytes, from: 0, to: bytes.byteLength, how: 'as they are', inflated: false }
        this.#lookFor(index, side, { ...view, origin: at => at })
      }
    }
  }

  #ofHeads(heads: number): string {
    const how =
      this.#files.length > 0
        ? 'looked through for the files, also with what their fields carry joined; of other files, a few bytes in each would not be seen'
        : 'what they carry is not judged without a file'
    return `${count(heads, 'head')} of HTTP, of the size that heads have: ${how}.`
  }

  #searched(): string {
    const plain = count(sum(this.#files.map(({ bytes }) => bytes.byteLength)), 'byte')
    const flows = count(sum(this.#sides.map(({ flow }) => flow.bytes.byteLength)), 'byte')
    return `Every ${WINDOW} bytes in a row of ${count(this.#files.length, 'file')} (${plain}) looked for in ${flows}: as they are, in base64, in hex, in what gzip, zlib, deflate, brotli and zstd inflate to, and compressed with deflate 1, 6 and 9, brotli and zstd, ${areRecoded(this.#files) ? 'and text in UTF-16 and UTF-8' : 'but not in UTF-16, for which the files are too large'}. Expected by chance: none (16 bytes are 1 in 2^128).`
  }
}

function indexOf(sources: readonly Source[]): WindowIndex<Source> {
  const index = new WindowIndex<Source>(sum(sources.map(({ bytes }) => bytes.byteLength)))
  for (const source of sources) index.add(source)
  return index
}

/** What carries something and seals nothing of it: it need not be known to be seen. */
function inTheClear(side: Side): [text: string, packets: number[]][] {
  const clear = side.frames.filter(({ content, sealed, length }) => content && sealed === undefined && length > 0)
  return clear.map(({ at, length, label }) => [
    `The ${label} in ${sent(side)} is in the clear: ${count(length, 'byte')}, whatever they are.`,
    [side.flow.packetAt(at)]
  ])
}

/** Heads of HTTP that have room for little. */
const plainHeads = ({ of, frames }: Side): number =>
  of.protocol === 'http' ? frames.filter(({ content, detail }) => detail === 'head' && !content).length : 0

/**
 * In what is sealed every 16 bytes count. In the clear, and in what random bytes inflate to, bytes that repeat themselves are padding as well, but for text of more than one
 * letter; and where the capture lacks bytes there are zeros.
 */
function counts(match: Match<Source>, side: Side, { bytes, inflated, origin }: View): boolean {
  const { at, length } = match
  const period = periodOf(bytes, at, length)
  if (period === undefined) return true
  if (isInGap(side.flow, origin(at), origin(at + length - 1))) return false
  const isText = period > 1 && isPrintable(bytes, at, period)
  if (inflated) return isText && isWhole(match)
  if (isText && (isWhole(match) || length >= 2 * period + WINDOW)) return true
  return length >= MANY || isSealedAt(side, origin(at))
}

const isWhole = ({ source: { file, form }, length }: Match<Source>): boolean =>
  form === 'as it is' && length === file.bytes.byteLength

function periodOf(bytes: Uint8Array, at: number, length: number): number | undefined {
  for (let period = 1; period <= PERIOD; period++) {
    let same = true
    for (let i = at + period; same && i < at + length; i++) same = bytes[i] === bytes[i - period]
    if (same) return period
  }
  return undefined
}

function isPrintable(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if ((bytes[i] as number) < 0x20 || (bytes[i] as number) >= 0x7f) return false
  return true
}
