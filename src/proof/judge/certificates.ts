import { bufferOf } from '../capture/packet.ts'
import { BEGIN, shownIn } from '../dissect/certificates.ts'
import { type Claim, type Dissected, SENDERS } from '../model.ts'
import { count, Findings } from './claim.ts'
import { NOT_ALL_INFLATED } from './inflations.ts'
import { type Side, sent } from './parts.ts'
import { readAs, type View } from './views.ts'

/** The claim `certificates`: who the users are is not to be had from a certificate on the wire, in any reading of any flow. */

const MARK = Buffer.from(BEGIN)
/** Marks that are told of one reading. */
const MAX_MARKS = 100
/** What begins like a certificate and is looked at in one capture. */
const MAX_TRIES = 100_000

export class CertificatesSearch {
  readonly #all: readonly Dissected[]
  /** Of each what is said of the first reading that shows it, and its packets. */
  readonly #seen = new Map<string, [text: string, packets: Set<number>]>()
  readonly #showing: Set<Dissected>
  #left = MAX_TRIES

  constructor(all: readonly Dissected[]) {
    this.#all = all
    this.#showing = new Set(all.filter(({ certificates }) => certificates.length > 0))
  }

  look(side: Side, view: View): void {
    const bytes = bufferOf(view.bytes).subarray(view.from, view.to)
    const packetAt = (at: number): number => side.flow.packetAt(view.origin(view.from + at))
    const where = `${readAs(view)} in ${sent(side)}`.trimStart()
    const shown = shownIn(bytes, () => this.#left-- > 0)
    for (const { at, subject, issuer, serial } of shown) {
      const isKnown = side.of.certificates.some(known => known.serial === serial && known.issuer === issuer)
      const text = `A certificate can be read ${where}: ${subject}, issued by ${issuer}, serial ${serial}.`
      this.#showing.add(side.of)
      if (!isKnown) this.#add(`${sent(side)} ${issuer} ${serial}`, text, packetAt(at))
    }
    const told = new Set([...side.of.certificates.map(({ packet }) => packet), ...shown.map(({ at }) => packetAt(at))])
    for (const packet of marksIn(bytes).map(packetAt))
      if (!told.has(packet)) this.#add(where, `A certificate in PEM stands ${where}.`, packet)
  }

  #add(key: string, text: string, packet: number): void {
    const seen = this.#seen.get(key)
    if (seen) seen[1].add(packet)
    else this.#seen.set(key, [text, new Set([packet])])
  }

  /** @param exhausted whether some readings were not made */
  claim(exhausted = false): Claim {
    const findings = new Findings()
    for (const { certificates, connection } of this.#all)
      for (const { packet, subject, issuer, serial, direction } of certificates)
        findings.fault(
          `Connection ${connection.number}: the ${SENDERS[direction]} shows a certificate in the clear: ${subject}, issued by ${issuer}, serial ${serial}.`,
          [packet]
        )
    for (const seen of this.#seen.values()) findings.fault(...seen)
    if (exhausted) findings.doubt(NOT_ALL_INFLATED)
    if (this.#left < 0)
      findings.doubt(`More than ${count(MAX_TRIES, 'place')} begin like a certificate: not all of them were looked at.`)
    this.#noteSearched(findings)
    return findings.claim('certificates')
  }

  #noteSearched(findings: Findings): void {
    const hidden = count(this.#all.filter(each => !this.#showing.has(each)).length, 'connection')
    findings.note(
      `${hidden} of ${this.#all.length} without a certificate that can be read, in PEM or DER: as they are, in base64, in hex, compressed, and percent-encoded in heads of HTTP.`
    )
    const pipes = this.#all.filter(({ protocol }) => protocol === 'sft pipe').length
    if (pipes > 0)
      findings.note(
        `${count(pipes, 'pipe')}: a recipient is named by a hint of 4 bytes, which whoever has the certificate can compute (SPEC §7.1).`
      )
  }
}

/** Where the mark of a certificate in PEM stands. */
function marksIn(bytes: Buffer): number[] {
  const found: number[] = []
  for (let at = bytes.indexOf(MARK); at >= 0 && found.length < MAX_MARKS; at = bytes.indexOf(MARK, at + 1))
    found.push(at)
  return found
}
