import type { Claim, Known } from '../model.ts'
import { count, Findings } from './claim.ts'
import { NOT_ALL_INFLATED } from './inflations.ts'
import { NeedleIndex } from './needle-index.ts'
import { foldedInto, type Needle, needlesOf } from './needles.ts'
import { isSealedAt, type Side, sent, sum } from './parts.ts'
import { readAs, type View } from './views.ts'

/** The claim `names`: user names, names of files and passwords, in any encoding that somebody may have used. */

type Text = NonNullable<Known['texts']>[number]

interface Wanted {
  readonly text: Text
  readonly needles: readonly Needle[]
  readonly hits: Hit[]
}

interface Hit {
  /** Connection, direction and byte: the same text read in two ways is there once. */
  readonly place: string
  readonly packet: number
  readonly where: string
  /** log2 of how likely it is that random bytes as many as there are hold it somewhere. */
  readonly chance: number
}

/** What may be chance is not told from it: once in 10^9 (M174). */
const LEAST_LIKELY = Math.log2(1e-9)
const PIECE = 1 << 20
/** At least the bytes of the longest needle, less one. */
const OVERLAP = 16 * 1024
const MAX_HITS = 1000
/** Of all texts together: of many each has fewer, and so many at least. */
const MAX_ALL_HITS = 500_000
const MIN_HITS = 16
/** Printable bytes around a hit, each of which makes it less likely, and how much so. */
const MAX_AROUND = 32
const PRINTABLE_BITS = Math.log2(256 / 98)

interface Sought {
  readonly wanted: Wanted
  readonly needle: Needle
}

export class NamesSearch {
  readonly #wanted: readonly Wanted[]
  readonly #index: NeedleIndex<Sought>
  readonly #maxHits: number
  /** log2 of the bytes of all flows. */
  readonly #size: number
  readonly #bytes: number
  readonly #scratch = Buffer.alloc(PIECE)

  constructor(sides: readonly Side[], { texts = [], plain = [] }: Known) {
    const names = plain.map(({ name }) => ({ kind: 'file name' as const, text: name }))
    // of one text that is given twice the kind of which nothing is shown counts
    const [secret, shown] = [isSecret, (each: Text) => !isSecret(each)].map(which => texts.filter(which))
    const given = [...names, ...(shown ?? []), ...(secret ?? [])].filter(({ text }) => text !== '')
    const all = new Map(given.map(each => [each.text, each]))
    this.#wanted = [...all.values()].map(text => ({ text, needles: needlesOf(text.text), hits: [] }))
    this.#maxHits = Math.max(MIN_HITS, Math.min(MAX_HITS, Math.floor(MAX_ALL_HITS / all.size)))
    this.#index = new NeedleIndex(
      this.#wanted.flatMap(wanted => wanted.needles.map(needle => ({ bytes: needle.bytes, of: { wanted, needle } })))
    )
    this.#bytes = sum(sides.map(({ flow }) => flow.bytes.byteLength))
    this.#size = Math.log2(Math.max(1, this.#bytes))
  }

  look(side: Side, view: View): void {
    if (this.#wanted.length === 0) return
    for (let from = view.from; from < view.to; from += PIECE - OVERLAP) {
      const piece = view.bytes.subarray(from, Math.min(view.to, from + PIECE))
      const folded = foldedInto(this.#scratch, piece)
      this.#index.look(folded, (sought, at) => this.#found(side, view, { from, folded, at, ...sought }))
      if (from + piece.byteLength === view.to) return
    }
  }

  /** Whether more of it is wanted. */
  #found(side: Side, view: View, of: Sought & { from: number; folded: Buffer; at: number }): boolean {
    const { from, folded, at } = of
    const { hits } = of.wanted
    const { bytes, bits, encoding } = of.needle
    if (hits.length >= this.#maxHits) return false
    const origin = view.origin(from + at)
    const around = printableAround(folded, at, at + bytes.byteLength)
    const how = [encoding === 'UTF-8' ? '' : `in ${encoding}`, readAs(view)].filter(Boolean).join(' ') || 'as it is'
    const part = isSealedAt(side, origin) ? 'a sealed part of ' : ''
    return (
      hits.push({
        place: `${sent(side)} ${origin}`,
        packet: side.flow.packetAt(origin),
        where: `${how} in ${part}${sent(side)}`,
        // any number of neighbours might have been printable: hence the factor
        chance: this.#size - bits + (around > 0 ? Math.log2(MAX_AROUND) - around * PRINTABLE_BITS : 0)
      }) < this.#maxHits
    )
  }

  claim(exhausted = false): Claim {
    const findings = new Findings()
    if (exhausted) findings.doubt(NOT_ALL_INFLATED)
    if (this.#wanted.length === 0) findings.doubt('No name, password or other text was given to look for.')
    const chance: Wanted[] = []
    for (const wanted of this.#wanted) {
      const { text, hits, needles } = wanted
      const alone = hits.filter(({ chance }) => chance < LEAST_LIKELY)
      const seen = alone.length === 0 && together(hits, needles.length) < LEAST_LIKELY ? hits : alone
      const packets = seen.map(({ packet }) => packet)
      if (seen.length > 0) findings.fault(`${named(text)} is seen ${places(seen, this.#maxHits)}.`, packets)
      else if (hits.length > 0) chance.push(wanted)
    }
    if (chance.length > 0)
      findings.doubt(
        `${count(chance.length, 'text')} can be found, but so short that it may be by chance: ${kindsOf(chance)}.`,
        chance.flatMap(({ hits }) => hits.map(({ packet }) => packet))
      )
    if (this.#wanted.length > 0) this.#noteSearched(findings)
    return findings.claim('names')
  }

  #noteSearched(findings: Findings): void {
    const short = this.#wanted.filter(
      ({ hits, needles }) =>
        hits.length === 0 && this.#size - Math.min(...needles.map(({ bits }) => bits)) >= LEAST_LIKELY
    )
    if (short.length > 0)
      findings.note(
        `Not there, though so short that chance might have put ${short.length === 1 ? 'it' : 'them'} there: ${kindsOf(short)}.`
      )
    findings.note(
      `Looked for: ${kindsOf(this.#wanted)}, in ${count(this.#bytes, 'byte')}: as they are, in UTF-16, percent-encoded, escaped in JSON and XML, in base64, in hex and compressed, in either case of letters.`
    )
  }
}

/** log2 of how likely it is that random bytes hold all of these: the first term of the tail of a Poisson distribution, for any of the needles. */
function together(hits: readonly Hit[], needles: number): number {
  const apart = [...new Map(hits.map(hit => [hit.place, hit])).values()]
  return sum(apart.map(({ chance }, at) => chance + Math.log2(needles) - Math.log2(at + 1)))
}

/** Nobody is shown a password, nor a text of which nobody knows what it is. */
const isSecret = ({ kind }: Text): boolean => kind === 'password' || kind === 'text'

function named(text: Text): string {
  return isSecret(text)
    ? `A ${text.kind} of ${count(text.text.length, 'character')}`
    : `The ${text.kind} ${JSON.stringify(text.text)}`
}

/** `2 user names of 5 to 12 characters, 1 password of 28 characters` */
function kindsOf(wanted: readonly Wanted[]): string {
  const kinds = Map.groupBy(wanted, ({ text }) => text.kind)
  return [...kinds]
    .map(([kind, all]) => {
      const lengths = all.map(({ text }) => text.text.length).sort((a, b) => a - b)
      const [least = 0, most = least] = [lengths[0], lengths.at(-1)]
      return `${count(all.length, kind)} of ${least === most ? '' : `${least} to `}${count(most, 'character')}`
    })
    .join(', ')
}

/** `3 times: in base64 in what …; …, and in 2 other ways`; of what can be read in several ways where it stands, the first. */
function places(hits: readonly Hit[], most: number): string {
  const apart = [...new Map(hits.toReversed().map(hit => [hit.place, hit])).values()].reverse()
  const where = [...new Set(apart.map(each => each.where))]
  const more = where.length > 3 ? `, and in ${count(where.length - 3, 'other way')}` : ''
  const often = hits.length >= most ? 'very often' : count(apart.length, 'time')
  return `${often}: ${where.slice(0, 3).join('; ')}${more}`
}

function printableAround(folded: Buffer, from: number, to: number): number {
  const printable = (at: number): boolean => {
    const byte = folded[at]
    return byte !== undefined && ((byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13)
  }
  let around = 0
  for (let at = from - 1; around < MAX_AROUND && printable(at); at--) around++
  for (let at = to; around < MAX_AROUND && printable(at); at++) around++
  return around
}
