import { bufferOf } from '../capture/packet.ts'
import type { Dissected, Stray } from '../model.ts'
import { count, type Findings } from './claim.ts'
import { type Credential, credentialsInText, namesOf } from './credentials.ts'
import { type Side, sent, sidesOf } from './parts.ts'
import { strayed } from './strays.ts'

/** For the claim `login`: what is no message of a protocol that is known, in a flow or beside them all, and what TLS says is sealed and is not. Somebody may log in with it. */

/** As many bytes that are no text (a ping, an ARP, a mark of `proof run`) are no login. */
const MAX_SMALL = 64
/** Bytes of text in a row that are not there by chance; of what is nothing but text fewer are enough. */
const MIN_TEXT = 16
const MIN_WHOLE = 4
/** Text is looked through as many bytes at a time, the last of them again with the next. */
const PIECE = 64 * 1024
const OVERLAP = 1024

interface Range {
  readonly at: number
  readonly length: number
}

export function findUnframed(findings: Findings, all: readonly Dissected[], strays: readonly Stray[]): void {
  for (const { kind, flow, numbers } of strays)
    if (flow.lost > 0)
      findings.doubt(`The capture lacks ${count(flow.lost, 'byte')} of ${kind}: a login may be in them.`, numbers)
  for (const side of strayed(strays)) {
    const whole = { at: 0, length: side.flow.bytes.byteLength }
    if (!findCredentials(findings, side, [whole])) doubt(findings, side, side.frames)
  }
  for (const side of sidesOf(all)) {
    const odd = side.frames.filter(({ label }) => label === 'unexplained')
    // of a connection of which nothing is known that is said of the whole
    if (!findCredentials(findings, side, odd) && side.of.protocol !== 'unknown') doubt(findings, side, odd)
    // there are suites that seal nothing (RFC 9150)
    const said = side.of.protocol === 'tls' ? side.frames.flatMap(({ sealed }) => sealed ?? []) : []
    findCredentials(findings, side, said, 'in what ought to be sealed')
  }
}

function findCredentials(
  findings: Findings,
  side: Side,
  ranges: readonly Range[],
  where = 'in bytes that are no message of a known protocol'
): boolean {
  const found = ranges.flatMap(range => [...credentialsIn(side, range)])
  if (found.length > 0)
    findings.fault(
      `In ${sent(side)}, ${where}, is something to log in with: ${namesOf(found)}.`,
      found.map(({ at }) => side.flow.packetAt(at))
    )
  return found.length > 0
}

function* credentialsIn({ flow }: Side, range: Range): Generator<Credential & { at: number }> {
  const bytes = bufferOf(flow.bytes)
  for (const { at, length } of textsIn(bytes, range))
    for (let from = at; from < at + length; from += PIECE - OVERLAP) {
      const text = bytes.toString('latin1', from, Math.min(from + PIECE, at + length))
      const own = new Map([...credentialsInText(text)].map(each => [`${each.name} ${each.where}`, each]))
      for (const each of own.values()) yield { ...each, at: from }
    }
}

/** What is text, or too large to be nothing. */
function doubt(findings: Findings, side: Side, ranges: readonly Range[]): void {
  const bytes = bufferOf(side.flow.bytes)
  const some = ranges.filter(range => range.length > MAX_SMALL || textsIn(bytes, range).next().value !== undefined)
  const size = some.reduce((sum, { length }) => sum + length, 0)
  if (some.length > 0)
    findings.doubt(
      `In ${sent(side)}, ${count(size, 'byte')} are no message of a known protocol, so a login may be in them.`,
      some.map(({ at }) => side.flow.packetAt(at))
    )
}

/** Text in ASCII, which is more than each byte the one before plus one: with that a ping is filled. */
function* textsIn(bytes: Buffer, { at: from, length }: Range): Generator<Range, undefined> {
  const to = from + length
  for (let at = from; at < to; at++) {
    const start = at
    let told = 0
    for (; at < to && IS_TEXT[bytes[at] as number]; at++)
      if (at === start || bytes[at] !== (bytes[at - 1] as number) + 1) told++
    const isWhole = at - start === length
    if (told >= (isWhole ? MIN_WHOLE : MIN_TEXT)) yield { at: start, length: at - start }
  }
}

const IS_TEXT = Uint8Array.from({ length: 256 }, (_, byte) =>
  (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13 ? 1 : 0
)
