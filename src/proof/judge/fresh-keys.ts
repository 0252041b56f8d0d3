import type { Claim, Dissected } from '../model.ts'
import { BlockIndex, type Match, WINDOW } from './block-index.ts'
import { count, Findings } from './claim.ts'
import { type Sealed, sealedOf, sent, sidesOf, sum } from './parts.ts'

/**
 * The claim `fresh-keys`: nothing that is sealed comes twice. It is indexed in lots, and what comes after each lot is looked up in it; so a capture of 512 MiB takes 90 MiB
 * beside it.
 */

const LOT = 64 << 20
const MAX_FOUND = 1000

/** Two sealed parts, what they have in common, and how often. */
interface Pair {
  readonly one: Sealed
  readonly other: Sealed
  times: number
  bytes: number
  readonly packets: Set<number>
}

export function judgeFreshKeys(all: readonly Dissected[]): Claim {
  const findings = new Findings()
  const parts = sidesOf(all).flatMap(sealedOf)
  const long = parts.filter(({ from, to }) => to - from >= WINDOW)
  const order = new Map(long.map((part, at) => [part, at]))
  const pairs = new Map<string, Pair>()
  const ends = new Set<Sealed>()
  for (const { first, lot } of lotsOf(long)) {
    const index = new BlockIndex(lot)
    for (const part of long.slice(first)) {
      const own = order.get(part) as number
      index.search(
        part,
        match => {
          if (isSameEnd(match, part)) ends.add(part)
          else if (pairs.size < MAX_FOUND) note(pairs, match, part)
        },
        // each two places once, and none with itself
        (source, sourceAt, at) => (source === part ? sourceAt < at : (order.get(source) as number) < own)
      )
    }
  }
  for (const { one, other, times, bytes, packets } of pairs.values())
    findings.fault(
      `${one.frame.label} in ${sent(one.side)} and ${other.frame.label} in ${sent(other.side)} have ${count(bytes, 'byte')} in common, in ${count(times, 'place')}.`,
      packets
    )
  if (long.length === 0) findings.doubt('There are no two sealed parts to compare.')
  else
    findings.note(
      `${count(sum(long.map(({ from, to }) => to - from)), 'byte')} in ${count(long.length, 'sealed part')} compared with each other, every ${WINDOW} bytes in a row. Expected by chance: none.`
    )
  if (ends.size > 0)
    findings.note(
      `${count(ends.size, 'stripe')} ended with the FINL of another: it is sealed once and sent on each (SPEC §8.1).`
    )
  return findings.claim('fresh-keys')
}

function* lotsOf(parts: readonly Sealed[]): Generator<{ first: number; lot: Sealed[] }> {
  for (let first = 0; first < parts.length; ) {
    const lot: Sealed[] = []
    let held = 0
    for (const part of parts.slice(first)) {
      if (held > 0 && held + part.to - part.from > LOT) break
      lot.push(part)
      held += part.to - part.from
    }
    yield { first, lot }
    first += lot.length
  }
}

/** The end of a stream that went over several connections, which is the same on each of them. */
function isSameEnd({ source: one, length }: Match<Sealed>, other: Sealed): boolean {
  if (one.frame.label !== 'FINL' || other.frame.label !== 'FINL' || one.side.of === other.side.of) return false
  if (one.side.direction !== other.side.direction) return false
  const isStripe = ({ side }: Sealed): boolean => side.of.frames[0]?.label === 'JOIN'
  return (isStripe(one) || isStripe(other)) && length === one.to - one.from && length === other.to - other.from
}

function note(pairs: Map<string, Pair>, { source, at, sourceAt, length }: Match<Sealed>, part: Sealed): void {
  const named = ({ side, frame }: Sealed): string => `${side.of.connection.number} ${side.direction} ${frame.label}`
  const key = [named(source), named(part)].sort().join('\n')
  const pair = pairs.get(key) ?? { one: source, other: part, times: 0, bytes: 0, packets: new Set<number>() }
  pairs.set(key, pair)
  pair.times++
  pair.bytes += length
  if (pair.packets.size >= WINDOW) return
  pair.packets.add(source.side.flow.packetAt(sourceAt)).add(part.side.flow.packetAt(at))
}
